"""The service of calls on Discord, for commands and events: starts and ends calls, and passes prompts to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import aiosqlite
import discord

from bot.controls.volumes import Volumes
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.guard import JOIN_ELSEWHERE
from bot.presence import CallPresence
from bot.restarting import RESTARTING
from bot.store import CallRecord, Store
from bot.user_error import UserError
from bot.voice.browser.transport import BrowserTransport
from bot.voice.call import Call
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.text_channel import PromptTextChannel
from bot.voice.discord.transport import CallPlace, DiscordCall
from bot.voice.engines import LoadingReport
from bot.voice.manager import CallManager, CallStatus
from bot.voice.phone.transport import KIND as PHONE
from bot.voice.phone.transport import PhoneCall
from bot.voice.transport import EndCause
from bot.voice.turn import Prompt
from config.sections import CallSettings

_log = logging.getLogger(__name__)

NO_CALL = "No active voice session"
NO_CALL_FOR_SOUND = f"{NO_CALL}. `{{prefix}}join` brings me into your voice channel."
CALL_IN_BROWSER = "❌ I'm in a call in a browser, and not in a voice channel."
JOIN_FROM_BROWSER = "❌ I'm in a call in a browser. Ask me again later."
JOIN_FROM_PHONE = "❌ I'm in a phone call. Ask me again later."
FAREWELL_LIMIT = 2.0
"""Seconds for posting that the call is over. After that, the bot gives up: Discord may be unreachable."""

_FAREWELLS = {
    EndCause.VOICE_COMMAND: "👋 Left voice channel!",
    EndCause.KICKED: "👋 I was disconnected from {channel}. `{prefix}join` brings me back.",
    EndCause.CHANNEL_DELETED: "👋 The voice channel {channel} was deleted, so I left.",
    EndCause.ALONE: "👋 Everyone has gone, so I left {channel} too.",
    EndCause.CONNECTION_LOST: (
        "❌ I lost the connection to {channel} and could not get back. `{prefix}join` tries again."
    ),
    EndCause.NO_PACKETS: (
        "❌ No voice packets (UDP) come through to {channel} any more, so I left. Most likely a firewall, or the "
        "network of the machine that I run on, lets no UDP through. `{prefix}join` tries again."
    ),
    EndCause.REFUSED: (
        "❌ Discord's voice server has closed the connection to {channel} and asks me not to come back at once, so I "
        "left. `{prefix}join` tries again."
    ),
    EndCause.VOICE_LOST: "❌ My voice did not come back, so I left {channel}. `{prefix}join` tries again.",
    EndCause.SHUTDOWN: "👋 I am being switched off, so I left {channel}. Until I am back, nobody answers here.",
    EndCause.FAILURE: "❌ Something broke on my side and I had to leave {channel}. `{prefix}join` tries again.",
}
RESTARTING_FAREWELL = (
    "👋 I am being switched off, so I left {channel}. If I start again within a minute, I come back and go on."
)

_KINDS: Mapping[str, str] = MappingProxyType({BrowserTransport.kind: "call in a browser", PHONE: "phone call"})
"""Words for calls that are not on Discord, in texts for people on Discord; by the kind of the calls' transport."""

MakeCall = Callable[[CallPlace, float, LoadingReport], DiscordCall]
"""Builds a call that is not started. Gets the place, the volume (0 to 2), and a callback for loading progress."""


class Calls:
    """The service of calls on Discord, one per process. Not thread-safe.

    Args:
        volumes: how loud the bot speaks on each server.
        prefix: the prefix of commands.

    Attributes:
        restarting: whether the bot is being restarted, so that no call begins any more.
    """

    def __init__(
        self,
        manager: CallManager[Call[Any]],
        make_call: MakeCall,
        store: Store,
        volumes: Volumes,
        settings: CallSettings,
        presence: CallPresence,
        prefix: str,
    ) -> None:
        self._manager = manager
        self._make_call = make_call
        self._store = store
        self._volumes = volumes
        self._settings = settings
        self._presence = presence
        self._prefix = prefix
        self.restarting = False

    @property
    def active(self) -> list[DiscordCall]:
        """The active calls on Discord. There is at most one on a server."""
        return [call for call in self._manager.calls if isinstance(call, DiscordCall)]

    def prompted_in(self, channel: int) -> DiscordCall | None:
        """The active call whose prompts are typed in a channel (by id); ``None`` if there is none."""
        return next((call for call in self.active if call.prompts.channel.id == channel), None)

    def takes_prompts(self, channel: int) -> bool:
        """Whether the prompts of an active call are typed in a channel (by id)."""
        return self.prompted_in(channel) is not None

    def status(self) -> CallStatus[Call[Any]]:
        """The state of all calls, over any transport."""
        return self._manager.status()

    @property
    def full(self) -> bool:
        """Whether no further call can begin."""
        return self._manager.full

    @property
    def occupied(self) -> tuple[VoiceChannel, ...]:
        """The voice channels of all calls on Discord, from the request to start a call to its end."""
        return tuple(call.channel for call in self._manager.occupants if isinstance(call, DiscordCall))

    def seen_from(self, guild: int | None) -> VoiceChannel | None:
        """The voice channel of the call on a server, from its request to its end; ``None`` if there is none.

        If only one call is possible at a time, a call on another server counts, too.
        """
        channels = self.occupied
        here = next((channel for channel in channels if channel.guild.id == guild), None)
        return here or (next(iter(channels), None) if self._manager.max_calls == 1 else None)

    def current_on(self, guild: int) -> DiscordCall | None:
        """The active call on a server; ``None`` if there is none, or if a fault is just ending it."""
        calls = (call for call in self.active if not call.conversation.over)
        return next((call for call in calls if call.channel.guild.id == guild), None)

    def require(self, guild: int) -> DiscordCall:
        """The current call on this server.

        Raises:
            UserError: no call is on there.
        """
        call = self.current_on(guild)
        if call is None:
            raise UserError(NO_CALL)
        return call

    def require_for_sound(self, guild: int) -> DiscordCall:
        """The current call on this server, for somebody who wants to hear something in it.

        Raises:
            UserError: no call is on there. The text says how to begin one.
        """
        if self.current_on(guild) is None:
            raise UserError(NO_CALL_FOR_SOUND.format(prefix=self._prefix))
        return self.require(guild)

    async def join(
        self,
        voice: VoiceChannel,
        asked_in: PromptTextChannel,
        report: LoadingReport,
        *,
        prepare: Callable[[DiscordCall], None] = lambda _: None,
    ) -> DiscordCall:
        """Start a call in ``voice``. Prompts come from the configured channel, or from ``asked_in`` if none is set.

        Args:
            report: called with the progress if the voice has to be loaded.
            prepare: called with the call before it is started.

        Raises:
            UserError: no call can be started. The text says why.
        """
        if not self._settings.enabled:
            raise UserError("❌ Voice is switched off here (`VOICE_ENABLED=false`).")
        if self.restarting:
            raise UserError(RESTARTING)
        self._require_room(voice.guild.id)
        place = CallPlace(voice, self._configured_channel(voice.guild) or asked_in)
        volume = await self._volumes.at(voice.guild.id)
        # Another call may have begun during the awaits above, so check again. No await follows before the start.
        self._require_room(voice.guild.id)
        call = self._make_call(place, volume, report)
        prepare(call)
        await self._manager.start(call, reason=f"a call in {voice.name}", place=voice.guild.id)
        try:
            await self._store.begin_call(CallRecord(voice.guild.id, voice.id, place.prompts.id))
        except aiosqlite.Error as error:
            _log.warning(
                "The call goes on, but if the bot dies, its next start won't say that a call was lost: %s", error
            )
        await self._presence.show()
        return call

    @property
    def elsewhere(self) -> str:
        """Which calls are on elsewhere, in words for people on a server without a call: "A phone call is active."."""
        status = self._manager.status()
        if status.count > 1:
            return f"{status.count} calls are on elsewhere."
        alone = next(iter(self._manager.occupants), None)
        kind = _KINDS.get(alone.transport.kind, "call") if alone is not None else "call"
        return f"A {kind} is {status.state.value}."

    @property
    def _only(self) -> Call[Any] | None:
        """The call, if there is exactly one; ``None`` if there are none or several."""
        occupants = self._manager.occupants
        return occupants[0] if len(occupants) == 1 else None

    def _require_room(self, guild: int) -> None:
        only = self._only
        if only is not None and self._manager.full:
            if not isinstance(only, DiscordCall):
                raise UserError(JOIN_FROM_PHONE if isinstance(only, PhoneCall) else JOIN_FROM_BROWSER)
            if only.channel.guild.id != guild:
                raise UserError(JOIN_ELSEWHERE)
        self._manager.require_room(guild)

    def _configured_channel(self, guild: discord.Guild) -> discord.TextChannel | None:
        wanted = self._settings.prompt_channel
        if wanted is None:
            return None
        name = wanted.removeprefix("#")
        for channel in guild.text_channels:
            if name in (str(channel.id), channel.name):
                return channel
        raise UserError(f"❌ There is no text channel {wanted!r} here. The setting `PROMPT_CHANNEL` is wrong.")

    async def leave(self, guild: int, cause: EndCause = EndCause.COMMAND) -> None:
        """End the call on this server, or cancel its start. If a phone call is the only call, it can be ended from any
        server.

        Args:
            cause: why the call ends. Unless the cause is a typed command, a text in the prompt channel says why.

        Raises:
            UserError: no call is on there.
        """
        call = next((call for call in self._manager.occupants if _is_on(guild, call)), None)
        if call is None:
            only = self._only
            if only is not None and not isinstance(only, DiscordCall | PhoneCall):
                raise UserError(CALL_IN_BROWSER)
            call = only if isinstance(only, PhoneCall) else None
        if call is None or not await self._manager.end(cause, call=call):
            raise UserError("❌ I'm not in a voice channel!")

    def say_on(self, guild: int, prompt: Prompt) -> bool:
        """Pass a prompt to the call on a server. Returns False if no call is on there."""
        call = self.current_on(guild)
        if call is None:
            return False
        call.say(prompt)
        return True

    def dismiss(self, guild: int, person: int) -> None:
        """Stop answering a person (user id) in the call on a server, if one is on."""
        call = self.current_on(guild)
        if call is not None:
            call.conversation.dismiss(person)

    async def free(self, feature: str) -> bool:
        """Try to release a feature that is still paused after a call. Returns False if it fails again.

        Raises:
            UserError: no such feature is paused after a call.
        """
        try:
            return await self._manager.free(feature)
        except KeyError:
            stuck = self.status().stuck
            others = f"These are: {', '.join(stuck)}." if stuck else "No feature is."
            raise UserError(f"❓ {feature[:100]!r} is not paused after a call. {others}") from None

    async def ended(self, call: Call[Any], cause: EndCause) -> None:
        """Called after each call. Posts why a call on Discord ended, unless a typed command has ended it."""
        if not isinstance(call, DiscordCall):
            return
        try:
            await self._store.end_call(call.channel.guild.id)
        except aiosqlite.Error as error:
            _log.warning("The end of a call can't be stored, so the next start will say that it was lost: %s", error)
        if not self.occupied:
            await self._presence.clear()
        farewell, transport = _FAREWELLS.get(cause), call.transport
        if self.restarting and cause is EndCause.SHUTDOWN:
            farewell = RESTARTING_FAREWELL
        if farewell is not None:
            try:
                async with asyncio.timeout(FAREWELL_LIMIT):
                    await transport.prompts.tell(farewell.format(channel=transport.place, prefix=self._prefix))
            except DISCORD_ERRORS as error:
                _log.warning("Could not say that the call in %s ended: %s", transport.place, discord_error_text(error))

    async def leave_lost_calls(self, client: discord.Client) -> None:
        """Leave the calls during which the bot's last process died."""
        for guild in client.guilds:
            if guild.me.voice is not None and guild.voice_client is None:
                await guild.change_voice_state(channel=None)


def _is_on(guild: int, call: Call[Any]) -> bool:
    return isinstance(call, DiscordCall) and call.channel.guild.id == guild
