"""Guests who speak through each kind of microphone, and the times at which their words really left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from audio.level import rms_of_frames
from benchmarks.end_of_turn_speech import VOICED_LEVEL
from sandbox.voice.microphone import MicrophoneFrame, SimulatedMicrophone
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound

_STEP = SAMPLE_RATE // 100
ROOM_LEVEL = 0.002
"""RMS of the noise of the room around an open microphone."""


@dataclass(frozen=True, slots=True)
class SpeechTimes:
    """When the frames with the first and the last voiced sample of some words were sent; monotonic seconds.

    They are taken just before a frame is encoded, so what follows from them is never too short. ``closed`` is when the
    last frame of all was sent; ``None`` where the microphone stays open.
    """

    first_voiced: float
    last_voiced: float
    closed: float | None


class VoiceConnection(Protocol):
    """A voice connection; see :class:`~sandbox.voice.peer.VoicePeer`."""

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> object:
        """Say this at the pace of real time; returns when the last frame has left."""
        ...


class MicrophoneSpeaker(Protocol):
    """Somebody with a microphone; an async context manager, within which the microphone is there."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def say(self, words: Sound) -> SpeechTimes:
        """Say words that begin at once (48,000 Hz); returns when they have left."""
        ...


class ClosingSpeaker:
    """Speaks through a microphone that is closed between turns.

    Args:
        quiet: how many seconds of quiet to put behind the words, before the microphone is let go.
    """

    def __init__(
        self,
        connection: VoiceConnection,
        microphone: SimulatedMicrophone,
        quiet: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._microphone = microphone
        self._quiet = quiet
        self._clock = clock
        self._sent: list[float] = []
        self._closed = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def say(self, words: Sound) -> SpeechTimes:
        """Say them; returns when the microphone has closed."""
        self._sent.clear()
        await self._connection.speak(np.pad(words, (0, round(self._quiet() * SAMPLE_RATE))), self)
        return SpeechTimes(self._sent[0], self._sent[last_voiced_frame(words)], self._closed)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """What the microphone makes of it; each frame is asked for when it is due."""
        for frame in self._microphone.frames(sound):
            self._sent.append(self._clock())
            if frame is not None:
                self._closed = self._sent[-1]
            yield frame


class OpenSpeaker:
    """Speaks through a microphone that never closes: its owner's room is heard before, under and after the words."""

    def __init__(self, connection: VoiceConnection, seed: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._room = np.random.default_rng(seed).normal(0, ROOM_LEVEL, (500, FRAME_SAMPLES)).astype(np.float32)
        self._words: list[Sound] = []
        self._sent: list[float] = []
        self._said = asyncio.Event()
        self._open = False
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._open = True
        self._sending = asyncio.create_task(self._send(), name="open microphone")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        await self._connection.speak(np.zeros(0, np.float32), self)

    async def say(self, words: Sound) -> SpeechTimes:
        """Say them; returns when the last of them has left."""
        padded = np.pad(words, (0, -len(words) % FRAME_SAMPLES))
        self._sent.clear()
        self._said.clear()
        self._words = list(padded.reshape(-1, FRAME_SAMPLES)[::-1])
        await self._said.wait()
        return SpeechTimes(self._sent[0], self._sent[last_voiced_frame(words)], None)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """The room until it is closed, with what is said in it; each frame is asked for when it is due."""
        number = 0
        while self._open:
            frame = self._room[number % len(self._room)]
            number += 1
            if not self._words:
                yield frame
                continue
            self._sent.append(self._clock())
            frame = frame + self._words.pop()
            if not self._words:
                self._said.set()
            yield frame


def last_voiced_frame(words: Sound) -> int:
    """The number of the frame with the last 10 ms that are voiced, by the measure of ``benchmarks.end_of_turn``."""
    return int(np.flatnonzero(rms_of_frames(words, _STEP) >= VOICED_LEVEL)[-1]) * _STEP // FRAME_SAMPLES
