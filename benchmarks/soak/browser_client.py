"""A client of the soak over the WebSocket ``/ws/chat``, with an open microphone, as the page in the browser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import numpy as np
import soxr

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.errors import MeasurementError
from benchmarks.soak.client import Call, CallLostError
from benchmarks.soak.heard import HeardSound
from benchmarks.spoken_microphones import OpenSpeaker
from sandbox.voice.microphone import SimulatedMicrophone
from sandbox.voice.opus import SAMPLE_RATE, Sound

NAME = "Ada"
CALL_LIMIT = 60.0
"""Seconds within which the bot must have begun or ended the call."""
PLAYED_EVERY = 10
"""After so many packets the client reports what it has played, as the page does."""
FRAME_SECONDS = 0.02


class BrowserClient:
    """See :class:`~benchmarks.soak.client.Client`.

    Args:
        page: address of the bot's page.
    """

    def __init__(self, page: str) -> None:
        self.heard = HeardSound()
        self._url = f"{page}ws/chat"

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Call]:
        """Begin a call with an open microphone; hang up at the end."""
        async with aiohttp.ClientSession() as session:
            try:
                socket = await session.ws_connect(self._url, max_msg_size=0, compress=0)
            except aiohttp.ClientError as error:
                raise MeasurementError(f"the WebSocket could not be opened: {error}") from error
            call = _BrowserCall(socket, self.heard)
            reading = asyncio.create_task(call.read(), name="soak browser")
            try:
                hello = {"name": NAME, "microphone": "open", "audio": {"up": HEARING_RATE, "down": 24_000}}
                await socket.send_json({"type": "hello", **hello})
                await call.wait(call.ready, reading)
                async with OpenSpeaker(call, seed=1) as speaker:
                    call.speaker = speaker
                    yield call
                await socket.send_json({"type": "hangup"})
                await call.wait(call.idle, reading)
            except ConnectionError as error:
                raise CallLostError(f"the WebSocket has closed: {error}") from error
            finally:
                self.heard.end_stream()
                await socket.close()
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading


class _BrowserCall:
    """A socket that speaks. It is also the microphone's :class:`~benchmarks.spoken_microphones.VoiceConnection`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, heard: HeardSound) -> None:
        self.ready, self.idle = asyncio.Event(), asyncio.Event()
        self.speaker: OpenSpeaker | None = None
        self._socket = socket
        self._heard = heard
        self._refused, self._refusal = asyncio.Event(), ""
        self._reply, self._packets = "", 0

    async def wait(self, event: asyncio.Event, reading: asyncio.Task[None]) -> None:
        """Wait for an event, as long as the socket is open and the bot refuses nothing."""
        happening = [asyncio.create_task(each.wait()) for each in (event, self._refused)]
        await asyncio.wait([*happening, reading], timeout=CALL_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        for task in happening:
            task.cancel()
        if not event.is_set():
            raise MeasurementError(self._refusal or f"the call did not begin or end within {CALL_LIMIT:.0f} s")

    async def read(self) -> None:
        """Read the bot's messages until the socket closes."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                await self._hear()
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))

    async def _hear(self) -> None:
        self._heard.packet(time.monotonic(), voiced=True)
        self._packets += 1
        if self._packets % PLAYED_EVERY == 0:
            milliseconds = 1000 * FRAME_SECONDS * self._packets
            await self._socket.send_json({"type": "played", "reply": self._reply, "ms": milliseconds})

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                self.ready.set()
            case "state" if message["state"] == "idle" and self.ready.is_set():
                self.idle.set()
            case "audio_response" if message["reply"] != self._reply:
                self._reply, self._packets = message["reply"], 0
            case "audio_end":
                self._heard.end_stream()
            case "error":
                self._refusal = f"the bot refused: {message['message']}"
                self._refused.set()

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> None:
        """Send the microphone's frames in real time, at the rate that the bot hears."""
        if microphone is None:
            raise ValueError("the browser's microphone is an open one")
        resampler = soxr.ResampleStream(SAMPLE_RATE, HEARING_RATE, 1, dtype="float32")
        due = time.monotonic()
        for frame in microphone.frames(sound):
            if self._socket.closed:
                return
            if frame is not None and len(piece := resampler.resample_chunk(np.asarray(frame, np.float32))):
                await self._socket.send_bytes(to_pcm16(piece))
            due += FRAME_SECONDS
            await asyncio.sleep(due - time.monotonic())

    async def say(self, words: Sound) -> float:
        """See :class:`~benchmarks.soak.client.Call`."""
        if self.speaker is None:
            raise RuntimeError("the call has not begun")
        saying = asyncio.create_task(self.speaker.say(words))
        try:
            while not saying.done():
                self.check()
                await asyncio.wait([saying], timeout=1.0)
            return (await saying).last_voiced
        finally:
            saying.cancel()

    def check(self) -> None:
        """See :class:`~benchmarks.soak.client.Call`; what comes is taken by :meth:`read`."""
        if self._refused.is_set():
            raise CallLostError(self._refusal)
        if self._socket.closed or self.idle.is_set():
            raise CallLostError(f"the bot has ended the call (close code {self._socket.close_code})")
