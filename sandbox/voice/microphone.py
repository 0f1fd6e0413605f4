"""Simulated microphones of guests: push-to-talk, Discord's voice activity, and always open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from audio.level import rms
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound

MicrophoneFrame = Sound | None
"""20 ms of sound to send, or ``None`` to send nothing for 20 ms."""


class SimulatedMicrophone(Protocol):
    """Decides which 20 ms frames are sent. After the last one before a pause, the guest sends five silent frames."""

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield one item for each 20 ms."""
        ...


def _cut(sound: Sound) -> Iterator[Sound]:
    for at in range(0, len(sound), FRAME_SAMPLES):
        frame = sound[at : at + FRAME_SAMPLES]
        yield np.pad(frame, (0, FRAME_SAMPLES - len(frame))) if len(frame) < FRAME_SAMPLES else frame


class PushToTalk:
    """Sends everything, with pauses and background, as Discord does while the push-to-talk key is held."""

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield every frame."""
        yield from _cut(sound)


class OpenMicrophone:
    """Sends all the time, with room noise before, under and after the words.

    Args:
        noise: the RMS level of the noise.
        before, after: seconds of noise before and after the words.
    """

    def __init__(self, *, noise: float = 0.002, before: float = 0.5, after: float = 1.0, seed: int = 0) -> None:
        self._noise = noise
        self._before = int(before * SAMPLE_RATE)
        self._after = int(after * SAMPLE_RATE)
        self._random = np.random.default_rng(seed)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield every frame, with noise added."""
        whole = np.pad(sound, (self._before, self._after))
        room = self._random.normal(0, self._noise, len(whole)).astype(np.float32)
        yield from _cut(whole + room)


class VoiceActivity:
    """Discord's default: sends while the sound is loud enough, and for a short time after that (the hang-over).

    Args:
        threshold: a frame counts as voice if its RMS level is at least this.
        hang_over: seconds for which a quiet sound after voice is still sent.
    """

    def __init__(self, *, threshold: float = 0.01, hang_over: float = 0.3) -> None:
        self._threshold = threshold
        self._hang_over = round(hang_over * SAMPLE_RATE / FRAME_SAMPLES)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """Yield the frames that are sent, and ``None`` for the others."""
        left = 0
        for frame in _cut(sound):
            loud = rms(frame) >= self._threshold
            left = self._hang_over if loud else left - 1
            yield frame if left >= 0 and (loud or left > 0) else None
