"""What Discord plays: frames in, Opus and encryption by way of discord.py's own client, packets out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

import discord
from discord import opus

from bot.voice.discord.client import SeiyuuVoiceClient
from bot.voice.playback.playback import SILENT_FRAME
from bot.voice.transport import FrameSource


class ReplyAudioSource(discord.AudioSource):
    """The frames of a call as a ``discord.AudioSource`` that never ends, and as a :class:`FrameSource` for the sender.

    For one sending thread; ``wake`` is called from the event loop when there is something for it.
    """

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    @property
    def wake(self) -> Callable[[], None]:
        """What ends the waiting of the thread that takes."""
        return self._frames.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._frames.wake = wake

    @property
    def making(self) -> bool:
        """True while a reply is being made that has not sounded yet."""
        return self._frames.making

    def take(self) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` between replies; never blocks."""
        return self._frames.take()

    def read(self) -> bytes:
        """The next 20 ms, stereo 16-bit at 48,000 Hz: 3,840 bytes; silence where there is none. Never blocks."""
        return self._frames.take() or SILENT_FRAME

    def is_opus(self) -> bool:
        """Frames are PCM."""
        return False


_log = logging.getLogger(__name__)

PLAIN_LIMIT = 2.0
"""Seconds that sound waits for end-to-end encryption; who is alone in a channel may never get a key."""
MIN_KBPS, MAX_KBPS = 16, 96
EXPECTED_LOSS = 0.1


class DiscordPacketSink:
    """A :class:`~bot.voice.playback.sender.PacketSink` over whichever voice client is attached.

    discord.py encrypts each packet as it is sent; making its cipher anew each time costs 0.3 µs of the packet's 250.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._client: SeiyuuVoiceClient | None = None
        self._plain_since: float | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Send through this client from now on; from the event loop."""
        kbps = client.channel.bitrate // 1000
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
        for task in self._telling:
            task.cancel()

    @property
    def connected(self) -> bool:
        """True while packets can be sent and listeners can decrypt them."""
        client = self._client
        return client is not None and client.listened_to and not self._too_early(client)

    def _too_early(self, client: SeiyuuVoiceClient) -> bool:
        """True for a moment where the key is on its way: what is sent plain into an encrypted call is thrown away."""
        if not client.awaits_encryption:
            self._plain_since = None
            return False
        now = self._clock()
        if self._plain_since is None:
            self._plain_since = now
        return now - self._plain_since < PLAIN_LIMIT

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
        # The loop may have been closed just now; then nobody needs to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell_speaking, speaking)

    def _tell_speaking(self, speaking: bool) -> None:
        client = self._client
        if client is None or not client.listened_to:
            return
        state = discord.SpeakingState.voice if speaking else discord.SpeakingState.none
        task = self._loop.create_task(client.ws.speak(state), name="speaking")
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("Could not tell Discord who speaks: %r", task.exception())
