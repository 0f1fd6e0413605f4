"""The audio output to Discord: frames are encoded, encrypted and sent as packets by discord.py's voice client."""

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

_log = logging.getLogger(__name__)

MAX_KEY_WAIT = 2.0
"""Longest wait for the key of the end-to-end encryption, in seconds.

A bot that is alone in a channel may never get a key. After the wait, sound is sent without this encryption.
"""
MIN_KBPS, MAX_KBPS = 16, 96
"""Lowest and highest bit rate of Opus, in kbit/s. Between them, the bit rate of the channel is used."""
EXPECTED_LOSS = 0.1
"""Share of lost packets for which Opus's error correction is set up."""


class ReplyAudioSource(discord.AudioSource):
    """The frames of a call as a ``discord.AudioSource`` that never ends.

    It is a :class:`~bot.voice.transport.FrameSource` too. Only the sending thread takes frames from it.

    Args:
        frames: source of the bot's sound in the call.
    """

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    @property
    def wake(self) -> Callable[[], None]:
        """Function that wakes the sending thread. It is called on the event loop when there is something to send."""
        return self._frames.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._frames.wake = wake

    @property
    def making(self) -> bool:
        """True while a reply is being made and nothing of it has been played yet."""
        return self._frames.making

    @property
    def sounding(self) -> str | None:
        """Id of the reply whose frame was taken last."""
        return self._frames.sounding

    def take(self, *, silence: bool = True) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` if nothing plays; never blocks."""
        return self._frames.take(silence=silence)

    def report(self) -> None:
        """Tell the event loop what was taken. Call it as soon as the frame is sent."""
        self._frames.report()

    def read(self) -> bytes:
        """The next 20 ms, or silence if nothing plays; never blocks.

        Returns:
            3,840 bytes: stereo, 16-bit, 48,000 Hz.
        """
        return self._frames.take() or SILENT_FRAME

    def is_opus(self) -> bool:
        """False: the frames are PCM."""
        return False


class DiscordPacketSink:
    """The :class:`~bot.voice.playback.sender.PacketSink` of the attached voice client.

    discord.py makes a new cipher for each packet. This takes only 0.3 µs of the 250 µs that it takes to send a packet.

    Args:
        loop: event loop of the voice client.
        clock: returns monotonic seconds.
    """

    lead = 0.0

    def __init__(self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._client: SeiyuuVoiceClient | None = None
        self._waiting_since: float | None = None
        self._speaking_tasks: set[asyncio.Task[None]] = set()

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Send with this client from now on. Call it on the event loop."""
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
        """Send nothing from now on. Call it on the event loop."""
        self._client = None
        for task in self._speaking_tasks:
            task.cancel()

    @property
    def connected(self) -> bool:
        """True while packets can be sent and listeners can decrypt them."""
        client = self._client
        return client is not None and client.server_connected and not self._waits_for_key(client)

    def _waits_for_key(self, client: SeiyuuVoiceClient) -> bool:
        """True while a key is missing, for :data:`MAX_KEY_WAIT` at most. An encrypted call would drop plain packets."""
        if not client.awaits_encryption:
            self._waiting_since = None
            return False
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < MAX_KEY_WAIT

    def send(self, pcm: bytes) -> None:
        """Encode, encrypt and send 20 ms of stereo 16-bit PCM."""
        self._send(pcm, encode=True)

    def send_silence(self) -> None:
        """Send Opus's frame of silence, without encoding."""
        self._send(discord.opus.OPUS_SILENCE, encode=False)

    def _send(self, data: bytes, *, encode: bool) -> None:
        """Send a packet. Without a client, or after an error, the packet is lost."""
        client = self._client
        if client is None:
            return
        try:
            client.send_audio_packet(data, encode=encode)
        except Exception as error:
            # The connection may end within any of discord.py's functions. Then only this packet is lost.
            _log.debug("A packet was lost: %r", error)

    def set_speaking(self, speaking: bool) -> None:
        """Tell Discord in the background whether the bot speaks. May be called from any thread."""
        # If the event loop was closed in the meantime, there is no need to tell Discord.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._send_speaking, speaking)

    def _send_speaking(self, speaking: bool) -> None:
        """Start the task that tells Discord whether the bot speaks. Called on the event loop."""
        client = self._client
        if client is None or not client.server_connected:
            return
        state = discord.SpeakingState.voice if speaking else discord.SpeakingState.none
        task = self._loop.create_task(client.ws.speak(state), name="speaking")
        self._speaking_tasks.add(task)
        task.add_done_callback(self._speaking_sent)

    def _speaking_sent(self, task: asyncio.Task[None]) -> None:
        self._speaking_tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("Could not tell Discord whether the bot speaks: %r", task.exception())
