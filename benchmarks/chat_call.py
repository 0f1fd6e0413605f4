"""A call for benchmarks over the WebSocket ``/ws/chat``, as the page in the browser holds it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import aiohttp
import numpy as np
import soxr

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.errors import MeasurementError
from benchmarks.statistics import FRAME_SECONDS
from sandbox.voice.microphone import SimulatedMicrophone
from sandbox.voice.opus import SAMPLE_RATE, Sound

CALL_LIMIT = 60.0
"""Seconds within which the bot must have begun or ended the call."""
PLAYED_EVERY = 10
"""Each time that this many packets of a reply have come, the client reports that it has played the reply so far, as the
page does.
"""

Microphone = Literal["open", "push-to-talk"]
Hear = Callable[[float, bytes], None]
"""Called with the arrival of each packet of 20 ms, in monotonic seconds, and its sound (16-bit PCM)."""


class ChatCall:
    """A call that :func:`chat_call` has begun. Use it on one event loop.

    It is a :class:`~benchmarks.spoken_microphones.VoiceConnection` for an open microphone.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hear: Hear, reply_ended: Callable[[], None]) -> None:
        self._socket = socket
        self._told = hear
        self._reply_ended = reply_ended
        self._ready, self._idle, self._refused = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._refusal = ""
        self._reply, self._packets = "", 0
        self._reading = asyncio.create_task(self._read(), name="what comes over /ws/chat")

    async def begin(self, name: str, microphone: Microphone) -> None:
        """Begin the call; raises :class:`MeasurementError` if the bot does not."""
        hello = {"name": name, "microphone": microphone, "audio": {"up": HEARING_RATE, "down": 24_000}}
        await self._socket.send_json({"type": "hello", **hello})
        await self.wait(self._ready, CALL_LIMIT)

    async def hang_up(self) -> None:
        """End the call; raises :class:`MeasurementError` if the bot does not."""
        await self._socket.send_json({"type": "hangup"})
        await self.wait(self._idle, CALL_LIMIT)

    async def close(self) -> None:
        """Close the socket."""
        await self._socket.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    @property
    def lost(self) -> str | None:
        """How the bot has ended the call; ``None`` while the call is on."""
        if self._refused.is_set():
            return self._refusal
        if self._socket.closed or self._idle.is_set():
            return f"the bot has ended the call (close code {self._socket.close_code})"
        return None

    async def wait(self, event: asyncio.Event, limit: float) -> None:
        """Wait for an event at most ``limit`` seconds, as long as the socket is open and the bot refuses nothing.

        Raises:
            MeasurementError: the event did not come.
        """
        happening = [asyncio.create_task(each.wait()) for each in (event, self._refused)]
        await asyncio.wait([*happening, self._reading], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in happening:
            task.cancel()
        if not event.is_set():
            closed = f"the bot closed the socket (close code {self._socket.close_code})" if self._socket.closed else ""
            raise MeasurementError(self._refusal or closed or f"the bot did nothing within {limit:.0f} s")

    async def push_to_talk(self, pcm: bytes) -> float:
        """Say words (16-bit PCM, 16,000 Hz) in real time while the key is pressed.

        Returns the time at which they were over, in monotonic seconds.
        """
        await self._socket.send_json({"type": "talking", "on": True})
        size, due = 2 * int(FRAME_SECONDS * HEARING_RATE), time.monotonic()
        for at in range(0, len(pcm), size):
            due += FRAME_SECONDS
            await asyncio.sleep(due - time.monotonic())
            await self._socket.send_bytes(pcm[at : at + size])
        said = time.monotonic()
        await self._socket.send_json({"type": "talking", "on": False})
        return said

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> None:
        """Send the microphone's frames in real time, at the rate that the bot hears."""
        if microphone is None:
            raise ValueError("this is for an open microphone")
        resampler = soxr.ResampleStream(SAMPLE_RATE, HEARING_RATE, 1, dtype="float32")
        due = time.monotonic()
        for frame in microphone.frames(sound):
            if self._socket.closed:
                return
            if frame is not None and len(piece := resampler.resample_chunk(np.asarray(frame, np.float32))):
                await self._socket.send_bytes(to_pcm16(piece))
            due += FRAME_SECONDS
            await asyncio.sleep(due - time.monotonic())

    async def _read(self) -> None:
        """Read the bot's messages until the socket closes."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                await self._hear(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))

    async def _hear(self, pcm: bytes) -> None:
        self._told(time.monotonic(), pcm)
        self._packets += 1
        if self._packets % PLAYED_EVERY == 0:
            milliseconds = 1000 * FRAME_SECONDS * self._packets
            await self._socket.send_json({"type": "played", "reply": self._reply, "ms": milliseconds})

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                self._ready.set()
            case "state" if message["state"] == "idle" and self._ready.is_set():
                self._idle.set()
            case "audio_response" if message["reply"] != self._reply:
                self._reply, self._packets = message["reply"], 0
            case "audio_end":
                self._reply_ended()
            case "error":
                self._refusal = f"the bot refused: {message['message']}"
                self._refused.set()


@asynccontextmanager
async def chat_call(
    session: aiohttp.ClientSession,
    page: str,
    name: str,
    microphone: Microphone,
    hear: Hear,
    reply_ended: Callable[[], None],
) -> AsyncIterator[ChatCall]:
    """Begin a call, and hang up at the end of the block.

    Args:
        page: address of the bot's page.
        name: name of the person who calls.
        reply_ended: called after the last packet of each reply.

    Raises:
        MeasurementError: the bot did not begin the call, or did not end it.
    """
    try:
        socket = await session.ws_connect(f"{page}ws/chat", max_msg_size=0, compress=0)
    except aiohttp.ClientError as error:
        raise MeasurementError(f"the WebSocket could not be opened: {error}") from error
    call = ChatCall(socket, hear, reply_ended)
    try:
        await call.begin(name, microphone)
        yield call
        await call.hang_up()
    finally:
        await call.close()


class AnswerPackets:
    """Collects the packets of answers, one answer after the other.

    Attributes:
        over: is set when the answer has ended.
    """

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._packets: list[tuple[float, bytes]] = []

    def hear(self, arrival: float, pcm: bytes) -> None:
        """Take a packet; see :data:`Hear`."""
        self._packets.append((arrival, pcm))

    def end(self) -> None:
        """Record that the answer has ended."""
        self.over.set()

    def take(self) -> list[tuple[float, bytes]]:
        """Take the packets that have come. The next packet begins another answer."""
        packets, self._packets = self._packets, []
        self.over.clear()
        return packets
