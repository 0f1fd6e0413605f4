"""The voice link: the connection to a voice channel. It rejoins if discord.py does not restore a lost connection."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.user_error import UserError
from bot.voice.discord.audio_input import DiscordPacketSource
from bot.voice.discord.audio_output import DiscordPacketSink
from bot.voice.discord.client import SeiyuuVoiceClient
from bot.voice.discord.close_codes import AfterClose, after_close
from bot.voice.discord.link_life import LinkLife, Verdict
from bot.voice.transport import EndCause

_log = logging.getLogger(__name__)

CONNECT_LIMIT = 15.0
"""Longest time to join a channel, in seconds."""
DISCONNECT_LIMIT = 5.0
"""Longest time to leave a channel, in seconds, before the bot joins it again."""
CLOSE_LIMIT = 1.5
"""Longest time to leave a channel for good, in seconds. The bot must also end in time where Discord does not answer."""
WATCH_INTERVAL = 0.5
"""Seconds between two checks of the connection."""
GRACE = 3.0
"""Seconds in which discord.py may restore a connection by itself. It needs 1 to 2 s after a move or a lost session."""
REJOIN_ATTEMPTS = 4
JOIN_ERRORS = (
    *DISCORD_ERRORS,
    *(ValueError, TypeError, LookupError, AttributeError, struct.error),
)
"""What discord.py raises if a voice server can't be reached or does not let the bot in. The errors in the second line
are raised if the server sends something that can't be read."""
MOVE_LIMIT = 15.0
"""Longest time, in seconds, until the connection stands in another channel."""
TELL_LIMIT = 2.0
"""Longest time to tell people that their sound does not arrive, in seconds."""
STANDS_AFTER, STANDS_POLL = 0.5, 0.05
"""The connection stands when it has been healthy for the first of these times, because Discord names the new server
only after it has moved the bot. The second is the time between two checks. Both in seconds."""
KEY_LIMIT, KEY_POLL = 1.0, 0.02
"""Longest wait for the end-to-end key while joining, and the time between two checks for it, in seconds."""

NOT_LET_IN = "❌ Discord's voice server did not let me into {channel}. Try again in a moment."
NO_PACKETS_AT_ALL = (
    "❌ I can't talk in {channel}: Discord's voice server answers, but no voice packets (UDP) come back. Most likely a "
    "firewall, or the network of the machine that I run on, lets no UDP through. If it happens again, tell whoever "
    "runs me."
)
NO_PACKETS = (
    "🙉 I can't hear you: no voice packets (UDP) reach me any more. Most likely a firewall, or the network of the "
    "machine that I run on, lets no UDP through. I connect again; meanwhile you can type to me."
)

VoiceChannel = discord.VoiceChannel | discord.StageChannel


class VoiceLink:
    """The connection to one voice channel. If the bot is moved to another channel, the link follows.

    Args:
        channel: voice channel to join.
        tell: tells people in the call something.
        clock: returns monotonic seconds.

    Attributes:
        sink: sink for the packets of the sending thread; the same object after a rejoin.
        packets: source of the packets for the input thread; the same object after a rejoin.
    """

    def __init__(
        self,
        channel: VoiceChannel,
        tell: Callable[[str], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sink = DiscordPacketSink(asyncio.get_running_loop())
        self.packets = DiscordPacketSource()
        self._home = channel
        self._tell = tell
        self._clock = clock
        self._client: SeiyuuVoiceClient | None = None
        self._joining: SeiyuuVoiceClient | None = None
        """The client of the last attempt to join, if it has failed."""
        self._life = LinkLife(clock)
        self._removed: asyncio.Future[EndCause] = asyncio.get_running_loop().create_future()

    @property
    def channel(self) -> VoiceChannel:
        """The channel that the bot is in now."""
        return self._client.channel if self._client is not None else self._home

    @property
    def encrypted(self) -> bool:
        """True while end-to-end encryption is in force."""
        return self._client is not None and self._client.end_to_end_encrypted

    async def connect(self) -> None:
        """Join the channel.

        Raises:
            UserError: Discord did not let the bot in within :data:`CONNECT_LIMIT` seconds.
        """
        try:
            await self._join(self._home)
        except JOIN_ERRORS as error:
            _log.warning("Could not join %s: %r", self._home.name, error)
            text = NO_PACKETS_AT_ALL if self._got_no_packets else NOT_LET_IN
            raise UserError(text.format(channel=self._home.name)) from error

    @property
    def _got_no_packets(self) -> bool:
        """Whether the voice server has let the bot in at the last attempt, but no voice packet has come back."""
        return self._joining is not None and self._joining.no_packets

    def _make_client(self, bot: discord.Client, channel: discord.abc.Connectable) -> SeiyuuVoiceClient:
        # If joining fails, discord.py does not return the client, which knows how far it has come.
        self._joining = SeiyuuVoiceClient(bot, channel)
        return self._joining

    async def _join(self, channel: VoiceChannel) -> None:
        """Join the channel and attach the sink and the source to its client."""
        client = await channel.connect(cls=self._make_client, timeout=CONNECT_LIMIT, reconnect=True)
        self._joining = None
        client.on_removed = self._on_removed
        self._client = client
        self.sink.attach(client)
        self.packets.attach(client)
        client.show_life(self._life)
        await self._wait_for_key(client)

    async def move(self, channel: VoiceChannel) -> None:
        """Change the channel, and wait until the connection stands there, for at most :data:`MOVE_LIMIT` seconds.

        Do not call it again before it has returned: discord.py loses the connection if it is moved while it connects.
        """
        await channel.guild.change_voice_state(channel=channel)
        until, healthy_since = self._clock() + MOVE_LIMIT, self._clock()
        while (now := self._clock()) < until and now - healthy_since < STANDS_AFTER:
            if self.channel != channel or self._client is None or not self._client.healthy:
                healthy_since = now
            await asyncio.sleep(STANDS_POLL)

    @staticmethod
    async def _wait_for_key(client: SeiyuuVoiceClient) -> None:
        """Wait a moment for the key of the end-to-end encryption. A bot that is alone in a channel gets no key."""
        waited = 0.0
        while client.awaits_encryption and waited < KEY_LIMIT:
            await asyncio.sleep(KEY_POLL)
            waited += KEY_POLL

    def _on_removed(self) -> None:
        """Note that somebody has removed the bot from the channel."""
        if not self._removed.done():
            gone = self._home.guild.get_channel(self.channel.id) is None
            self._removed.set_result(EndCause.CHANNEL_DELETED if gone else EndCause.KICKED)

    async def wait_lost(self) -> EndCause:
        """Watch the connection until it can't go on, and return why.

        Either the bot was removed from the channel, or Discord refuses it, or rejoining failed or is of no use.
        """
        bad_since: float | None = None
        while True:
            done, _ = await asyncio.wait([self._removed], timeout=WATCH_INTERVAL)
            if done:
                return self._removed.result()
            if self._client is not None and self._client.healthy:
                self._client.stay_registered()
                self._client.keep_alive()
                self._client.forget_close()
                bad_since = None
                if await self._is_given_up(self._client):
                    return self._why_lost
                continue
            now = self._clock()
            bad_since = now if bad_since is None else bad_since
            if now - bad_since >= GRACE:
                code = self._client.close_code if self._client is not None else None
                if after_close(code) is AfterClose.END:
                    return EndCause.REFUSED
                if not await self._rejoin():
                    return self._why_lost
                bad_since = None

    async def _is_given_up(self, client: SeiyuuVoiceClient) -> bool:
        """Look for signs of life, and make a dead connection anew. Returns True if the call has to end, because that
        failed or is of no use."""
        match self._life.step(people=any(not member.bot for member in self.channel.members)):
            case Verdict.PROBE:
                client.ask_address()
            case Verdict.HEAL:
                _log.warning("The voice connection carries nothing any more, although it is open")
                return not await self._rejoin()
            case Verdict.NO_PACKETS:
                _log.warning("No voice packets come any more (UDP), although the voice gateway answers")
                await self._tell_within_limit(NO_PACKETS)
                return not await self._rejoin()
            case Verdict.GIVE_UP:
                _log.warning("The voice connection carries nothing any more, and was made anew a moment ago")
                return True
            case Verdict.ALIVE:
                pass
        return False

    @property
    def _why_lost(self) -> EndCause:
        return EndCause.NO_PACKETS if self._got_no_packets else EndCause.CONNECTION_LOST

    async def _tell_within_limit(self, text: str) -> None:
        """Tell people something within :data:`TELL_LIMIT` seconds, if Discord answers."""
        try:
            async with asyncio.timeout(TELL_LIMIT):
                await self._tell(text)
        except DISCORD_ERRORS as error:
            _log.warning("Could not say that nobody is heard: %s", discord_error_text(error))

    async def _rejoin(self) -> bool:
        """Leave and join again, with growing pauses between the attempts; returns False if all attempts failed."""
        for attempt in range(REJOIN_ATTEMPTS):
            if attempt:
                await asyncio.sleep(2 ** (attempt - 1))
            _log.warning("The voice connection is dead; rejoining (%d of %d)", attempt + 1, REJOIN_ATTEMPTS)
            channel = self.channel
            await self._leave(DISCONNECT_LIMIT)
            try:
                await self._join(channel)
            except JOIN_ERRORS as error:
                _log.warning("Rejoining failed: %r", error)
            else:
                return True
        return False

    async def _leave(self, limit: float) -> None:
        """Leave the channel if the bot is in one, within ``limit`` seconds."""
        client, self._client = self._client, None
        self.sink.detach()
        self.packets.detach()
        if client is not None:
            client.on_removed = None
            await _within(limit, client.abandon())

    async def close(self) -> None:
        """Leave the channel within :data:`CLOSE_LIMIT` seconds. Works after a failed or cancelled connect too."""
        await self._leave(CLOSE_LIMIT)
        leftover = self._home.guild.voice_client
        if leftover is not None:
            await _within(CLOSE_LIMIT, leftover.disconnect(force=True))


async def _within(limit: float, leaving: Awaitable[None]) -> None:
    """Leave a channel within ``limit`` seconds, or give up. Discord may not answer."""
    try:
        async with asyncio.timeout(limit):
            await leaving
    except TimeoutError:
        _log.warning("Leaving the voice channel took longer than %g s", limit)
