"""Synthetic sounds other than speech for a guest's microphone: 48,000 Hz mono, the same for the same seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.level import at_level
from sandbox.voice.opus import SAMPLE_RATE, Sound

_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
_LOWEST_NOTE = 220.0


def noise(seconds: float, seed: int, *, level: float = 0.01) -> Sound:
    """Noise like a fan's, quieter by 3 dB with each octave. ``level`` is its RMS."""
    return at_level(_coloured(np.random.default_rng(seed), int(seconds * SAMPLE_RATE), colour=0.5), level)


def cough(seed: int) -> Sound:
    """Two coughs within 0.75 s. Each is a burst and fading breath."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(0.75 * SAMPLE_RATE), np.float32)
    for begin, strength in ((0.02, 1.0), (0.34 + random.uniform(0, 0.06), 0.7)):
        at = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
        burst = np.exp(-at * 45)
        breath = 0.35 * np.exp(-at * random.uniform(9, 14))
        rasp = 1 + 0.4 * np.sin(2 * np.pi * random.uniform(120, 180) * at)
        air = _coloured(random, len(at), colour=0.4)
        one = strength * air * (burst + breath) * rasp * np.minimum(1, at / 0.004)
        start = int(begin * SAMPLE_RATE)
        sound[start : start + len(one)] += one
    return _peaking_at(sound, 0.5)


def breath(seconds: float, seed: int) -> Sound:
    """Breathing close to the microphone, in and out about every four seconds."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    at = 0.2
    while at < seconds:
        for length, colour in ((random.uniform(0.8, 1.2), 0.3), (random.uniform(1.0, 1.6), 0.6)):
            count = int(length * SAMPLE_RATE)
            air = _coloured(random, count, colour=colour) * np.sin(np.linspace(0, np.pi, count)).astype(np.float32)
            start = int(at * SAMPLE_RATE)
            room = max(0, len(sound) - start)
            sound[start : start + count] += random.uniform(0.5, 1) * air[:room]
            at += length + random.uniform(0.1, 0.4)
        at += random.uniform(0.5, 1.5)
    return _peaking_at(sound, 0.15)


def keyboard(seconds: float, seed: int) -> Sound:
    """Typing, about five keys a second. Each key clicks when it is pressed, and more quietly when it is released."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    at = 0.05
    while at < seconds:
        for delay, strength in ((0.0, 1.0), (random.uniform(0.06, 0.1), 0.4)):
            click = _coloured(random, int(0.03 * SAMPLE_RATE), colour=0.0)
            click *= np.exp(-np.arange(len(click)) / SAMPLE_RATE * 220).astype(np.float32)
            start = int((at + delay) * SAMPLE_RATE)
            room = max(0, len(sound) - start)
            sound[start : start + len(click)] += strength * random.uniform(0.5, 1) * click[:room]
        at += random.uniform(0.1, 0.3)
    return _peaking_at(sound, 0.15)


def music(seconds: float, seed: int) -> Sound:
    """Chords of a plucked instrument, two a second, without singing."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones: dict[tuple[int, int], Sound] = {}
    for number, begin in enumerate(range(0, len(sound), SAMPLE_RATE // 2)):
        room = len(sound[begin : begin + SAMPLE_RATE])
        for step in _CHORDS[number // 2 % len(_CHORDS)]:
            loudness = random.uniform(0.6, 1)
            for harmonic in range(1, 5):
                if (tone := tones.get((step, harmonic))) is None:
                    tone = tones[step, harmonic] = _plucked(at, _LOWEST_NOTE * 2 ** (step / 12), harmonic)
                sound[begin : begin + room] += np.float32(loudness / harmonic) * tone[:room]
    return _peaking_at(sound, 0.3)


def _plucked(at: NDArray[np.float64], pitch: float, harmonic: int) -> Sound:
    """A harmonic of a plucked note: the higher it is, the sooner it dies away."""
    tone = np.sin(2 * np.pi * harmonic * pitch * at) * np.exp(-at * 3 * harmonic)
    return np.asarray(tone * np.minimum(1, at / 0.005), np.float32)


def _coloured(random: np.random.Generator, count: int, *, colour: float) -> Sound:
    """Noise with an RMS of 1, whose amplitude falls with the frequency to the power of ``colour``."""
    spectrum = np.fft.rfft(random.normal(0, 1, count))
    spectrum *= (np.fft.rfftfreq(count, 1 / SAMPLE_RATE) + 50) ** -colour
    return at_level(np.fft.irfft(spectrum, count), 1.0)


def _peaking_at(sound: Sound, peak: float) -> Sound:
    sound *= np.float32(peak / np.max(np.abs(sound)))
    return sound
