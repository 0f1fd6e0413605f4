"""Sounds of people and rooms that are no speech, for microphones: always the same for the same seed."""

from __future__ import annotations

import numpy as np

from sandbox.voice.hearing import Sound
from sandbox.voice.opus import SAMPLE_RATE


def cough(seed: int = 0) -> Sound:
    """Two bursts of breath, 0.5 s in all, as loud as speech."""
    random = np.random.default_rng(seed)
    sound = np.concatenate([_burst(random, 0.22, 18.0), np.zeros(int(0.05 * SAMPLE_RATE)), _burst(random, 0.25, 14.0)])
    return sound.astype(np.float32)


def keyboard(seconds: float, seed: int = 0) -> Sound:
    """Somebody types: short clicks, six or so a second."""
    random = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    at = 0.0
    while (at := at + random.exponential(0.16)) < seconds - 0.05:
        click = _burst(random, 0.02, 200.0) * random.uniform(0.2, 0.6)
        begin = int(at * SAMPLE_RATE)
        sound[begin : begin + len(click)] += click
    return sound


def hiss(seconds: float, level: float = 0.02, seed: int = 0) -> Sound:
    """A fan: noise of an even level (RMS)."""
    random = np.random.default_rng(seed)
    return random.normal(0, level, int(seconds * SAMPLE_RATE)).astype(np.float32)


def _burst(random: np.random.Generator, seconds: float, decay: float) -> Sound:
    """Noise in the band of a throat or a knock, that begins at once and dies away."""
    length = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(random.normal(0, 1, length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 1.0)
    spectrum *= np.exp(-(np.log(frequencies / 900.0) ** 2) / 1.2)
    sound = np.fft.irfft(spectrum, length) * np.exp(-decay * np.arange(length) / SAMPLE_RATE)
    burst: Sound = (0.35 * sound / np.abs(sound).max()).astype(np.float32)
    return burst
