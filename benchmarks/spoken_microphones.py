"""Guests who speak through each kind of microphone, and the exact times at which their words are sent."""

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
"""RMS of the room noise on an open microphone."""


@dataclass(frozen=True, slots=True)
class SpeechTimes:
    """The times at which the frames with the first and the last voiced sample were sent, in monotonic seconds.

    They are taken just before a frame is encoded, so that latencies computed from them are never too short. ``closed``
    is the time of the last frame of all; ``None`` if the microphone stays open.
    """

    first_voiced: float
    last_voiced: float
    closed: float | None


class VoiceConnection(Protocol):
    """A voice connection; see :class:`~sandbox.voice.peer.VoicePeer`."""

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> object:
        """Send a sound in real time. Returns after the last frame."""
        ...


class MicrophoneSpeaker(Protocol):
    """A person with a microphone. The microphone is on within the async context."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def say(self, words: Sound) -> SpeechTimes:
        """Say words, which begin with the first sample (48,000 Hz). Returns once they are sent."""
        ...


class ClosingSpeaker:
    """Speaks through a microphone that is closed between turns.

    Args:
        quiet: returns the seconds of silence between the words and the closing.
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
        """Say words. Returns once the microphone has closed."""
        self._sent.clear()
        await self._connection.speak(np.pad(words, (0, round(self._quiet() * SAMPLE_RATE))), self)
        return SpeechTimes(self._sent[0], self._sent[last_voiced_frame(words)], self._closed)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield the microphone's frames. Each is asked for when it is due, which gives the times."""
        for frame in self._microphone.frames(sound):
            self._sent.append(self._clock())
            if frame is not None:
                self._closed = self._sent[-1]
            yield frame


class OpenSpeaker:
    """Speaks through a microphone that never closes, with room noise before, under and after the words."""

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
        """Say words. Returns once the last of them is sent."""
        padded = np.pad(words, (0, -len(words) % FRAME_SAMPLES))
        self._sent.clear()
        self._said.clear()
        self._words = list(padded.reshape(-1, FRAME_SAMPLES)[::-1])
        await self._said.wait()
        return SpeechTimes(self._sent[0], self._sent[last_voiced_frame(words)], None)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield frames of room noise with the words in them, until the context ends."""
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
    """The number of the frame with the last 10 ms that reach ``VOICED_LEVEL``."""
    return int(np.flatnonzero(rms_of_frames(words, _STEP) >= VOICED_LEVEL)[-1]) * _STEP // FRAME_SAMPLES
