"""Clients that say something to the bot over HTTP and receive the spoken answer: one client for each of three APIs."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
import wave
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Protocol

import aiohttp
import numpy as np
import soxr

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.chat_call import AnswerPackets, chat_call
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import TURN_LIMIT
from sandbox.voice.opus import SAMPLE_RATE, Sound

PIECE_SECONDS = 0.02
REALTIME_RATE = 24_000
WAV_HEADER = 44
IN_CALL = 409
SETTLE_SECONDS = 0.5
"""Pause after a call's beginning, in which the bot prepares it."""
BUSY_PAUSE = 0.05


class TurnClient(Protocol):
    """A client of one API. Over a WebSocket, each turn is a call of its own. The call ends with the turn, since the bot
    holds only one call at a time, and the next client needs one.
    """

    name: ClassVar[str]

    async def turn(self, words: Sound) -> float:
        """Say words, and hear the whole answer.

        Returns:
            The time from the end of the words to the answer's first sound, in milliseconds.

        Raises:
            MeasurementError: the bot refused, or gave no sound.
        """
        ...


class ChatTurns:
    """Turns over ``/ws/chat``, push-to-talk."""

    name: ClassVar[str] = "/ws/chat"

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def turn(self, words: Sound) -> float:
        """See :class:`TurnClient`."""
        answer = AnswerPackets()
        async with chat_call(self._session, self._url, "Ada", "push-to-talk", answer.hear, answer.end) as call:
            await asyncio.sleep(SETTLE_SECONDS)
            said = await call.push_to_talk(_pcm(words, HEARING_RATE))
            await call.wait(answer.over, TURN_LIMIT)
        return _milliseconds(said, next((at for at, pcm in answer.take() if any(pcm)), None), self.name)


class RealtimeTurns:
    """Turns over ``/v1/realtime``. The client itself says when its words are over: it commits its sound."""

    name: ClassVar[str] = "/v1/realtime"

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}v1/realtime"

    async def turn(self, words: Sound) -> float:
        """See :class:`TurnClient`."""
        async with asyncio.timeout(TURN_LIMIT), self._session.ws_connect(self._url, max_msg_size=0) as socket:
            await _until(socket, "session.created")
            audio = {"input": {"turn_detection": None}}
            await socket.send_json({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
            await _until(socket, "session.updated")
            await asyncio.sleep(SETTLE_SECONDS)
            async for piece in _in_real_time(words, REALTIME_RATE):
                sound = base64.b64encode(piece).decode()
                await socket.send_json({"type": "input_audio_buffer.append", "audio": sound})
            await socket.send_json({"type": "input_audio_buffer.commit"})
            said, first = time.monotonic(), None
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                event: dict[str, Any] = json.loads(message.data)
                if event["type"] == "response.output_audio.delta":
                    first = first or _sounds_at(base64.b64decode(event["delta"]))
                elif event["type"] in ("response.done", "error"):
                    break
        return _milliseconds(said, first, self.name)


class ProcessCallTurns:
    """Turns over ``POST /process_call``: the whole recording is sent when the words are over."""

    name: ClassVar[str] = "/process_call"

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}process_call"

    async def turn(self, words: Sound) -> float:
        """See :class:`TurnClient`."""
        recording = _wav(words)
        deadline = time.monotonic() + TURN_LIMIT
        while time.monotonic() < deadline:
            form = aiohttp.FormData()
            form.add_field("audio", recording, filename="words.wav", content_type="audio/wav")
            said = time.monotonic()
            async with self._session.post(self._url, data=form) as answer:
                if answer.status == IN_CALL:
                    # The call of the turn before is not quite over.
                    await asyncio.sleep(BUSY_PAUSE)
                    continue
                if not answer.ok:
                    raise MeasurementError(f"{self.name} was answered with {answer.status}: {await answer.text()}")
                await answer.content.readexactly(WAV_HEADER)
                first = None
                async for piece in answer.content.iter_any():
                    first = first or _sounds_at(piece)
            return _milliseconds(said, first, self.name)
        raise MeasurementError(f"{self.name} was refused for {TURN_LIMIT:.0f} s, because a call was on")


async def _until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    """Read messages up to the next one of a kind; raises :class:`MeasurementError` if the bot reports an error."""
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        got: dict[str, Any] = json.loads(message.data)
        if got["type"] == "error":
            raise MeasurementError(f"the bot refused: {got}")
        if got["type"] == kind:
            return
    raise MeasurementError(f"the bot closed the socket ({socket.close_code}) before {kind!r}")


async def _in_real_time(words: Sound, rate: int) -> AsyncIterator[bytes]:
    """Yield the words in pieces of 20 ms, each at the time at which its last sample has been spoken."""
    pcm = _pcm(words, rate)
    size = 2 * int(PIECE_SECONDS * rate)
    began = time.monotonic()
    for number, at in enumerate(range(0, len(pcm), size), start=1):
        await asyncio.sleep(began + number * PIECE_SECONDS - time.monotonic())
        yield pcm[at : at + size]


def _pcm(words: Sound, rate: int) -> bytes:
    return to_pcm16(soxr.resample(words, SAMPLE_RATE, rate).astype(np.float32))


def _wav(words: Sound) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, HEARING_RATE, 0, "NONE", ""))
        written.writeframes(_pcm(words, HEARING_RATE))
    return file.getvalue()


def _sounds_at(pcm: bytes) -> float | None:
    """The time now if the bytes are more than silence; ``None`` if not."""
    return time.monotonic() if any(pcm) else None


def _milliseconds(said: float, first: float | None, name: str) -> float:
    if first is None:
        raise MeasurementError(f"{name} gave no sound")
    return 1000 * (first - said)
