"""Random sounds without words, at 16,000 Hz: rooms, coughs, keyboards and music."""

from __future__ import annotations

import numpy as np

from audio.samples import HEARING_RATE, Sound16

_LOWEST_NOTE = 82.4
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 9), (0, 3, 8), (0, 4, 7, 11))
"""Chords: the semitones of each note above the lowest one."""


def wordless(random: np.random.Generator) -> Sound16:
    """A random sound without words, with silence around it."""
    make = (room, cough, cough, keyboard, music, music)[random.integers(6)]
    before, after = (int(random.uniform(0, 0.6) * HEARING_RATE) for _ in range(2))
    return np.pad(make(random), (before, after))


def room(random: np.random.Generator) -> Sound16:
    """Noise of a random colour, from nearly silent to as loud as a vacuum cleaner."""
    return _coloured(random, random.uniform(0.3, 4.0), random.uniform(0, 1)) * _level(random, -3.5, -1.0)


def cough(random: np.random.Generator) -> Sound16:
    """One to three bursts of air, each dying away."""
    sound = np.zeros(int(random.uniform(0.5, 1.2) * HEARING_RATE), np.float32)
    for _ in range(random.integers(1, 4)):
        burst = _coloured(random, random.uniform(0.12, 0.35), random.uniform(0, 1))
        at = np.arange(len(burst)) / HEARING_RATE
        envelope = np.minimum(1, at / random.uniform(0.002, 0.03)) * np.exp(-at * random.uniform(6, 30))
        throat = np.sin(2 * np.pi * random.uniform(90, 260) * at + random.uniform(0, 6)) * random.uniform(0, 1)
        begin = random.integers(0, max(1, len(sound) - len(burst)))
        piece = (burst * (1 + throat) * envelope)[: len(sound) - begin]
        sound[begin : begin + len(piece)] += piece
    return sound * _level(random, -1.3, -0.3)


def keyboard(random: np.random.Generator) -> Sound16:
    """Clicks, a few a second."""
    sound = np.zeros(int(random.uniform(0.5, 4) * HEARING_RATE), np.float32)
    at = 0
    while (at := at + int(random.uniform(0.05, 0.35) * HEARING_RATE)) < len(sound) - HEARING_RATE // 20:
        click = _coloured(random, 0.05, random.uniform(-0.3, 0.6))
        click *= np.exp(-np.arange(len(click)) * random.uniform(60, 300) / HEARING_RATE)
        sound[at : at + len(click)] += click * _level(random, -0.6, 0)
    return sound * _level(random, -2, -0.7)


def music(random: np.random.Generator) -> Sound16:
    """Notes or chords in some tempo, plucked, struck or bowed."""
    sound = np.zeros(int(random.uniform(1, 4) * HEARING_RATE), np.float32)
    beat = int(random.uniform(0.15, 0.6) * HEARING_RATE)
    attack, fading, brightness = random.uniform(0.001, 0.03), random.uniform(1, 5), random.integers(2)
    for begin in range(0, len(sound), beat):
        at = np.arange(len(sound) - begin, dtype=np.float32) / HEARING_RATE
        for pitch in _pitches(random):
            loudness = random.uniform(0.3, 1)
            for harmonic in range(1, 6):
                # High harmonics of a string die away sooner; those of a pipe don't.
                envelope = np.minimum(1, at / attack) * np.exp(-at * fading * harmonic**brightness)
                tone = np.sin(2 * np.pi * pitch * harmonic * at) * envelope
                sound[begin:] += (loudness / harmonic * tone).astype(np.float32)
    sound *= _level(random, -1.3, -0.2) / np.max(np.abs(sound))
    return sound


def _pitches(random: np.random.Generator) -> list[float]:
    """The pitches of a chord, or of random notes, in Hz."""
    lowest = random.integers(0, 30)
    if random.random() < 0.5:
        steps = [lowest + step for step in _CHORDS[random.integers(len(_CHORDS))]]
    else:
        steps = list(random.integers(0, 36, random.integers(1, 4)))
    return [float(_LOWEST_NOTE * 2 ** (step / 12)) for step in steps]


def _coloured(random: np.random.Generator, seconds: float, colour: float) -> Sound16:
    """Noise with a peak of 1. Its spectrum falls, or rises, with the frequency to the power ``-colour``."""
    count = int(seconds * HEARING_RATE)
    spectrum = np.fft.rfft(random.normal(0, 1, count))
    spectrum *= (np.fft.rfftfreq(count, 1 / HEARING_RATE) + 30) ** -colour
    noise = np.fft.irfft(spectrum, count)
    peaked: Sound16 = (noise / np.max(np.abs(noise))).astype(np.float32)
    return peaked


def _level(random: np.random.Generator, low: float, high: float) -> np.float32:
    """A random factor from 10 ** ``low`` to 10 ** ``high``."""
    return np.float32(10 ** random.uniform(low, high))
