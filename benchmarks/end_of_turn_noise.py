"""Synthetic sounds without speech: coloured noise, music, keyboards. 16,000 Hz mono, the same for the same seed."""

from __future__ import annotations

import numpy as np

from audio.level import at_level
from audio.samples import HEARING_RATE, Sound16

_SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
_BEAT = 0.4
_HARMONICS = range(1, 9)


def noise(seconds: float, level: float, colour: float, seed: int) -> Sound16:
    """Noise with this RMS. Its power falls with frequency to the power of ``colour``: 0 is white, 1 pink, 2 brown."""
    samples = round(seconds * HEARING_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (colour / 2)
    sound = np.fft.irfft(spectrum, samples)
    return at_level(sound, level)


def music(seconds: float, level: float, seed: int) -> Sound16:
    """A melody over chords, with a kick, a snare and a hi-hat."""
    random = np.random.default_rng(seed)
    samples = round(seconds * HEARING_RATE)
    sound = np.zeros(samples + 4 * HEARING_RATE)
    kick_time, snare = np.arange(HEARING_RATE // 5) / HEARING_RATE, np.arange(HEARING_RATE // 10)
    kick = np.sin(2 * np.pi * (50 * kick_time + 6 * (1 - np.exp(-30 * kick_time)))) * np.exp(-18 * kick_time)
    for beat in range(int(seconds / _BEAT)):
        at = int(beat * _BEAT * HEARING_RATE)
        _mix(sound, at, 0.24 * _tone(440 * 2 ** (random.choice(_SCALE) / 12), 1.5 * _BEAT))
        if beat % 4 == 0:
            root = int(random.integers(0, 4))
            for step in (0, 2, 4):
                _mix(sound, at, 0.2 * _tone(110 * 2 ** (_SCALE[root + step] / 12), 4 * _BEAT))
        if beat % 2 == 0:
            _mix(sound, at, 0.6 * kick)
        else:
            _mix(sound, at, 0.3 * random.normal(size=len(snare)) * np.exp(-snare / 400))
        _mix(sound, at + HEARING_RATE // 5, 0.1 * random.normal(size=800) * np.exp(-np.arange(800) / 150))
    return at_level(sound, level)[:samples]


def keyboard(seconds: float, level: float, seed: int) -> Sound16:
    """Typing in a quiet room, with a click for each key's press and release. ``level`` is the loudest click's peak."""
    random = np.random.default_rng(seed)
    samples = round(seconds * HEARING_RATE)
    sound = random.normal(0, 0.001, samples + HEARING_RATE)
    at = 0
    while at < samples:
        length = int(random.integers(80, 400))
        click = random.normal(size=length) * np.exp(-np.arange(length) / random.uniform(20, 90))
        click *= level * random.uniform(0.2, 1.0)
        _mix(sound, at, click)
        _mix(sound, at + int(random.uniform(0.05, 0.09) * HEARING_RATE), 0.5 * click)
        at += int(random.uniform(0.08, 0.4) * HEARING_RATE)
    return np.asarray(sound[:samples], np.float32)


def five_minutes(seed: int) -> dict[str, Sound16]:
    """Sounds of five minutes together, by their names. Half of them are quiet, half are loud."""
    return {
        **{f"{name}, level {level}": noise(25, level, colour, seed)
           for name, colour in (("white noise", 0.0), ("pink noise", 1.0), ("brown noise", 2.0))
           for level in (0.01, 0.1)},
        **{f"music, level {level}": music(50, level, seed + 1) for level in (0.03, 0.15)},
        **{f"keyboard, level {level}": keyboard(25, level, seed + 2) for level in (0.1, 0.4)},
    }  # fmt: skip


def _tone(frequency: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    time = np.arange(round(seconds * HEARING_RATE)) / HEARING_RATE
    tone = sum(
        (np.sin(2 * np.pi * frequency * number * time) / number
         for number in _HARMONICS if frequency * number < HEARING_RATE / 2),
        np.zeros(len(time)),
    )  # fmt: skip
    return np.asarray(tone * np.minimum(1, time / 0.01) * np.exp(-1.5 * time))


def _mix(
    into: np.ndarray[tuple[int], np.dtype[np.float64]], at: int, sound: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    into[at : at + len(sound)] += sound[: max(0, len(into) - at)]
