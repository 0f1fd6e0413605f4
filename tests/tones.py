"""Simple sounds for tests: a tone, silence, and the pitch of a sound. Mono, -1 to 1."""

from __future__ import annotations

import numpy as np

from audio.samples import SPEAKING_RATE, Samples


def tone(seconds: float, hertz: float = 440.0, *, rate: int = SPEAKING_RATE, level: float = 0.3) -> Samples:
    """A sine wave. ``level`` is its amplitude."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def silence(seconds: float, rate: int = SPEAKING_RATE) -> Samples:
    """Samples of 0."""
    return np.zeros(round(seconds * rate), np.float32)


def pitch(sound: Samples, rate: int = SPEAKING_RATE) -> float:
    """The strongest frequency, in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * rate / len(sound))
