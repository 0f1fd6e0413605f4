"""The one room in which discord.py's private names are known; it says so when they may have changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import struct
import time
from collections.abc import Callable
from typing import Any

import discord
from discord import opus
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

_log = logging.getLogger(__name__)

KNOWN_VERSION = "2.7."
READER_POLL = 0.25
KEEP_ALIVE_INTERVAL = 5.0
MIN_KBPS, MAX_KBPS, DEFAULT_KBPS = 16, 128, 64
EXPECTED_LOSS = 0.1


def check_discord_version() -> None:
    """See whether the installed discord.py is one whose inside we know.

    Raises:
        RuntimeError: it is not.
    """
    if not discord.__version__.startswith(KNOWN_VERSION):
        raise RuntimeError(
            f"discord.py {discord.__version__} is installed, but the voice connection is written for "
            f"{KNOWN_VERSION}x. Install the pinned requirements."
        )


class _PollingReader(SocketReader):
    """discord.py's reader with a short poll: its own stays deaf for 30 s when the socket was replaced under it."""

    def _do_run(self) -> None:
        while not self._end.is_set():
            if not self._running.is_set():
                self._running.wait()
                continue
            try:
                readable, _, _ = select.select([self.state.socket], [], [], READER_POLL)
                data = self.state.socket.recv(2048) if readable else None
            except (ValueError, TypeError, OSError):
                # The socket is being replaced or is gone; a moment, so as not to spin meanwhile.
                self._end.wait(READER_POLL / 10)
                continue
            if data is not None:
                for callback in tuple(self._callbacks):
                    callback(data)


class _ConnectionState(VoiceConnectionState):
    """discord.py's connection with our reader."""

    def __init__(self, voice_client: discord.VoiceClient) -> None:
        super().__init__(voice_client)
        self._socket_reader.stop()
        self._socket_reader = _PollingReader(self)
        self._socket_reader.start()


class SeiyuuVoiceClient(discord.VoiceClient):
    """discord.py's voice client, plus what it knows and does not tell. For ``channel.connect(cls=…)``.

    ``on_removed`` is called on the event loop when somebody else put the bot out of the channel.
    """

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable) -> None:
        super().__init__(client, channel)
        self.on_removed: Callable[[], None] | None = None
        self._last_keep_alive = time.monotonic()
        self._keep_alives = 0

    def create_connection_state(self) -> VoiceConnectionState:
        """Our connection state instead of discord.py's."""
        check_discord_version()
        return _ConnectionState(self)

    async def on_voice_state_update(self, data: Any) -> None:
        """discord.py's handler; tells a removal from a leave of its own before it is forgotten."""
        removed = data["channel_id"] is None and not self._connection._expecting_disconnect
        await super().on_voice_state_update(data)
        if removed and self.on_removed is not None:
            self.on_removed()

    @property
    def healthy(self) -> bool:
        """True while the connection stands and discord.py still reads its socket; it can say the one alone."""
        runner = self._connection._runner
        return self.is_connected() and runner is not None and not runner.done()

    @property
    def end_to_end_encrypted(self) -> bool:
        """True while DAVE is in force."""
        return bool(self._connection.can_encrypt)

    def keep_alive(self) -> None:
        """Send a datagram every 5 s: behind NAT a bot that only listens goes deaf. Call it at least that often."""
        now = time.monotonic()
        if now - self._last_keep_alive < KEEP_ALIVE_INTERVAL:
            return
        self._last_keep_alive = now
        self._keep_alives += 1
        with contextlib.suppress(OSError, AttributeError):
            self._connection.socket.send(struct.pack("<Q", self._keep_alives))

    async def abandon(self) -> None:
        """Leave, whatever state the connection is in, and end everything discord.py started for it."""
        connection = self._connection
        for task in (connection._connector, connection._runner):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if connection.state is ConnectionFlowState.disconnected:
            connection._socket_reader.stop()
            self.cleanup()
        else:
            await self.disconnect(force=True)


class DiscordPacketSink:
    """A :class:`~bot.voice.sender.PacketSink` over whichever voice client is attached."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._client: SeiyuuVoiceClient | None = None

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Send through this client from now on; from the event loop."""
        kbps = (getattr(client.channel, "bitrate", None) or DEFAULT_KBPS * 1000) // 1000
        client.encoder = opus.Encoder(
            application="voip",
            bitrate=min(max(kbps, MIN_KBPS), MAX_KBPS),
            fec=True,
            expected_packet_loss=EXPECTED_LOSS,
            bandwidth="full",
            signal_type="voice",
        )
        self._client = client

    def detach(self) -> None:
        """Send nothing from now on; from the event loop."""
        self._client = None

    @property
    def connected(self) -> bool:
        """True while packets can be sent."""
        client = self._client
        return client is not None and client.is_connected()

    def send(self, pcm: bytes) -> None:
        """Encode, encrypt and send 20 ms of stereo 16-bit PCM."""
        self._send(pcm, encode=True)

    def send_silence(self) -> None:
        """Send Opus's frame of silence, as it is."""
        self._send(discord.opus.OPUS_SILENCE, encode=False)

    def _send(self, data: bytes, *, encode: bool) -> None:
        client = self._client
        if client is None:
            return
        try:
            client.send_audio_packet(data, encode=encode)
        except Exception as error:
            # The connection can go away between two lines of discord.py's; one lost packet is no more than that.
            _log.debug("A packet was lost: %r", error)

    def set_speaking(self, speaking: bool) -> None:
        """Tell Discord, in the background."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell_speaking, speaking)

    def _tell_speaking(self, speaking: bool) -> None:
        client = self._client
        if client is None or not client.is_connected():
            return
        state = discord.SpeakingState.voice if speaking else discord.SpeakingState.none
        task = self._loop.create_task(client.ws.speak(state), name="speaking")
        task.add_done_callback(_log_failure)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.debug("Could not tell Discord who speaks: %r", task.exception())
