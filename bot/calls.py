"""The calls service: starts, ends and changes calls, for commands, the prompt channel and Discord's events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import aiosqlite
import discord

from bot.controls.volumes import Volumes
from bot.discord_errors import discord_error_text
from bot.guard import JOIN_ELSEWHERE
from bot.presence import CallPresence
from bot.restarting import RESTARTING
from bot.store import CallRecord, Store
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.text_channel import PromptTextChannel
from bot.voice.discord.transport import CallPlace, DiscordCall
from bot.voice.engines import LoadingReport
from bot.voice.manager import CallManager, CallStatus
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
LOST_CALL_LEFT = "👋 I was restarted in the middle of our call and had to leave. `{prefix}join` brings me back."
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
    EndCause.VOICE_LOST: "❌ My voice did not come back, so I left {channel}. `{prefix}join` tries again.",
    EndCause.SHUTDOWN: "👋 I am being switched off, so I left {channel}. Until I am back, nobody answers here.",
    EndCause.FAILURE: "❌ Something broke on my side and I had to leave {channel}. `{prefix}join` tries again.",
}
RESTARTING_FAREWELL = (
    "👋 I am being switched off, so I left {channel}. If I start again within a minute, I come back and go on."
)

MakeCall = Callable[[CallPlace, float, LoadingReport], DiscordCall]
"""Builds a call that is not started. Gets the place, the volume (0 to 2), and a callback for loading progress."""


class Calls:
    """The calls service, one per process. Not thread-safe.

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
    def current(self) -> DiscordCall | None:
        """The current call, if it is a call on Discord and has started."""
        return _on_discord(self._manager.active)

    def prompt_channel(self) -> int | None:
        """The id of the current call's prompt channel; ``None`` if no call is on."""
        call = self.current
        return call.prompts.channel.id if call is not None else None

    def status(self) -> CallStatus[DiscordCall]:
        """The state of the current call. There is at most one."""
        status = self._manager.status()
        return CallStatus(status.state, _on_discord(status.call), status.held, status.stuck)

    @property
    def occupied(self) -> VoiceChannel | None:
        """The voice channel of the current call, or ``None``. A call is current from its request to its end."""
        occupant = _on_discord(self._manager.occupant)
        return occupant.channel if occupant is not None else None

    def current_on(self, guild: int) -> DiscordCall | None:
        """The current call, if it is on this server."""
        call = self.current
        return call if call is not None and call.channel.guild.id == guild else None

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
        """The current call on this server, for who wants to hear something in it.

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
        self._require_none(voice.guild.id)
        place = CallPlace(voice, self._configured_channel(voice.guild) or asked_in)
        volume = await self._volumes.at(voice.guild.id)
        # Another call may have begun during the awaits above, so check again. No await follows before the start.
        self._require_none(voice.guild.id)
        call = self._make_call(place, volume, report)
        prepare(call)
        await self._manager.start(call, reason=f"a call in {voice.name}")
        try:
            await self._store.begin_call(CallRecord(voice.guild.id, voice.id, place.prompts.id))
        except aiosqlite.Error as error:
            _log.warning("The call goes on, but if the bot dies, its next start won't say so: %s", error)
        await self._presence.show()
        return call

    @property
    def _is_elsewhere(self) -> bool:
        """Whether a call is on that is not on Discord."""
        return self._manager.occupant is not None and self.occupied is None

    @property
    def kind(self) -> str:
        """What the call is that is on anywhere, in words for a person on any server."""
        if self._is_elsewhere:
            return "phone call" if self._is_on_phone else "call in a browser"
        return "call"

    @property
    def _is_on_phone(self) -> bool:
        return isinstance(self._manager.occupant, PhoneCall)

    def _require_none(self, guild: int) -> None:
        if self._is_elsewhere:
            raise UserError(JOIN_FROM_PHONE if self._is_on_phone else JOIN_FROM_BROWSER)
        if self.occupied is not None and self.occupied.guild.id != guild:
            raise UserError(JOIN_ELSEWHERE)
        self._manager.require_idle()

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
        """End the call on this server, or cancel its start. A phone call is ended from every server.

        Args:
            cause: how people wanted it. For other causes than a typed command, the prompt channel is told.

        Raises:
            UserError: no call is on there.
        """
        if self._is_elsewhere and not self._is_on_phone:
            raise UserError(CALL_IN_BROWSER)
        if self._is_on_phone:
            await self._manager.end(cause)
            return
        here = self.occupied is not None and self.occupied.guild.id == guild
        if not here or not await self._manager.end(cause):
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
            await self._store.end_call()
        except aiosqlite.Error as error:
            _log.warning("The end of a call can't be stored, so the next start will say that it was lost: %s", error)
        await self._presence.clear()
        farewell, transport = _FAREWELLS.get(cause), call.transport
        if self.restarting and cause is EndCause.SHUTDOWN:
            farewell = RESTARTING_FAREWELL
        if farewell is not None:
            try:
                async with asyncio.timeout(FAREWELL_LIMIT):
                    await transport.prompts.tell(farewell.format(channel=transport.place, prefix=self._prefix))
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.warning("Could not say that the call in %s ended: %s", transport.place, discord_error_text(error))

    async def leave_lost_call(self, client: discord.Client, lost_call: CallRecord | None) -> None:
        """Leave the call during which the bot's last process died, and say so in that call's prompt channel."""
        for guild in client.guilds:
            if guild.me.voice is not None and guild.voice_client is None:
                await guild.change_voice_state(channel=None)
        channel = client.get_channel(lost_call.prompt_channel) if lost_call is not None else None
        if isinstance(channel, discord.abc.Messageable):
            try:
                await channel.send(LOST_CALL_LEFT.format(prefix=self._prefix))
            except discord.HTTPException as error:
                _log.warning("Could not say that the last call was lost: %s", error)


def _on_discord(call: Call[Any] | None) -> DiscordCall | None:
    return call if isinstance(call, DiscordCall) else None
