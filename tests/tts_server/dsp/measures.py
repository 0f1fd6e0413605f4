"""Measurements of sound, for the tests of pitch and tempo."""

from __future__ import annotations

import numpy as np

from audio.samples import Samples


def voice(hertz: float, seconds: float, rate: int) -> Samples:
    """A hum with the harmonics of a voice, up to 4 kHz."""
    time = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, int(4000 / hertz))
    waves = [np.cos(2 * np.pi * hertz * number * time) / number for number in harmonics]
    return np.asarray(0.1 * np.sum(waves, axis=0), np.float32)


def frequency(samples: Samples, rate: int, highest: int = 600) -> float:
    """The fundamental frequency in Hz, by autocorrelation of half a second from the middle.

    Args:
        highest: the highest frequency that counts, in Hz. A deep voice needs a low limit: its sound is nearly as
            similar to itself after one period of a formant (about 500 Hz) as after one period of the voice.
    """
    middle = samples[len(samples) // 2 - rate // 4 :][: rate // 2].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle, 2 * len(middle))) ** 2
    similarity = np.fft.irfft(spectrum)
    shortest, longest = rate // highest, rate // 35
    # Two periods fit as well as one: take the shortest lag that is nearly as good as the best.
    near = similarity[shortest:longest] > 0.9 * similarity[shortest:longest].max()
    best = int(np.argmax(near)) + shortest
    while similarity[best + 1] > similarity[best]:
        best += 1
    before, at, after = similarity[best - 1 : best + 2]
    return float(rate / (best + 0.5 * (before - after) / (before - 2 * at + after)))


def clarity(samples: Samples, hertz: float, rate: int) -> float:
    """Level of the harmonics above the noise between them, in dB. A distorted voice has a low value."""
    middle = samples[rate : 3 * rate].astype(np.float64)
    power = np.abs(np.fft.rfft(middle * np.blackman(len(middle)))) ** 2
    frequencies = np.fft.rfftfreq(len(middle), 1 / rate)
    distance = np.abs((frequencies + hertz / 2) % hertz - hertz / 2)
    heard = (frequencies > hertz / 2) & (frequencies < 3500)
    near = distance < hertz * 0.12
    return float(10 * np.log10(power[heard & near].sum() / power[heard & ~near].sum()))


def onset(samples: Samples, rate: int) -> float:
    """Time at which the sound begins, in seconds."""
    return float(np.argmax(np.abs(samples) > 0.02) / rate)


def pieces(samples: Samples, size: int) -> list[Samples]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]
