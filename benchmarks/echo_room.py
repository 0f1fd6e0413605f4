"""A simulated room in which the bot's voice comes from a loudspeaker into a microphone: 48,000 Hz mono."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from audio.level import rms
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, MonoEncoder, Sound, make_decoder

FIRST_REFLECTION = 0.004
"""Seconds from the direct sound to the first reflection."""
CANCELLER_FRAME = 960
Through: TypeAlias = Callable[[Sound], Sound]
"""What a call makes of a sound, at 48,000 Hz. The length stays the same."""


@dataclass(frozen=True, slots=True)
class Room:
    """The path from the bot's voice to a person's microphone.

    Args:
        delay: the delay of the echo in seconds, with network, buffers and loudspeaker.
        reverberation: the time in which the room's sound falls by 60 dB, in seconds.
        direct: the level of the direct sound above all reflections, in dB.
        low, high: the frequency range of the loudspeaker, in Hz.
        drive: the distortion of the loudspeaker; 0 is linear.
        noise: the level of the microphone's noise below the echo, in dB.
        canceller: how far a poor echo canceller suppresses a band at most, in dB; 0 is no canceller.
    """

    delay: float
    reverberation: float
    direct: float
    low: float
    high: float
    drive: float
    noise: float
    canceller: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Room:
        """Make a random room with usual properties."""
        return cls(
            delay=random.uniform(0.08, 0.6),
            reverberation=random.uniform(0.2, 0.6),
            direct=random.uniform(-3, 6),
            low=random.uniform(120, 350),
            high=random.uniform(4_500, 10_000),
            drive=random.uniform(0, 3),
            noise=random.uniform(15, 35),
            canceller=random.choice([0.0, 0.0, 8.0, 15.0]),
        )

    def echo(self, sent: Sound, random: np.random.Generator, through: Through | None = None) -> Sound:
        """The echo of the bot's sound, before the person's encoder. Its length and RMS are those of ``sent``.

        Args:
            through: the way of the bot's sound to the person; ``None`` for Opus.
        """
        loud = _loudspeaker((through or through_opus)(sent), self.low, self.high, self.drive)
        wet = convolve(loud, self.response(random))
        if self.canceller:
            wet = _suppress(wet, self.canceller, random)
        wet *= rms(sent) / max(rms(wet), 1e-9)
        wet += (random.normal(0, 1, len(wet)) * rms(wet) * 10 ** (-self.noise / 20)).astype(np.float32)
        delayed = np.concatenate([np.zeros(round(self.delay * SAMPLE_RATE), np.float32), wet])
        return delayed[: len(sent)]

    def response(self, random: np.random.Generator) -> Sound:
        """The room's impulse response."""
        length = round(self.reverberation * SAMPLE_RATE)
        time = np.arange(length) / SAMPLE_RATE
        tail = random.normal(0, 1, length) * 10 ** (-3 * time / self.reverberation)
        tail[: round(FIRST_REFLECTION * SAMPLE_RATE)] = 0
        tail /= np.linalg.norm(tail)
        tail[0] = 10 ** (self.direct / 20)
        return tail.astype(np.float32)


def through_opus(sound: Sound) -> Sound:
    """Encode and decode a sound with Opus, as Discord's clients do."""
    encoder, decoder = MonoEncoder(), make_decoder()
    whole = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.concatenate([decoder.decode_frame(encoder.encode(frame)) for frame in whole])


def _loudspeaker(sound: Sound, low: float, high: float, drive: float) -> Sound:
    size = 1 << len(sound).bit_length()
    spectrum = np.fft.rfft(sound, size)
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    passed = 1 / np.sqrt((1 + (low / np.maximum(hertz, 1)) ** 4) * (1 + (hertz / high) ** 8))
    filtered: Sound = np.asarray(np.fft.irfft(spectrum * passed, size)[: len(sound)], np.float32)
    if not drive:
        return filtered
    scale = drive / max(float(np.abs(filtered).max()), 1e-9)
    return np.asarray(np.tanh(filtered * scale), np.float32)


def convolve(sound: Sound, response: Sound) -> Sound:
    """Apply an impulse response to a sound. The length stays the same."""
    size = 1 << (len(sound) + len(response)).bit_length()
    both = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    return np.asarray(both[: len(sound)], np.float32)


def _suppress(sound: Sound, most: float, random: np.random.Generator) -> Sound:
    """Suppress bands at random, like an echo canceller whose filter does not fit."""
    hop = CANCELLER_FRAME // 2
    taper = np.sin(np.pi * (np.arange(CANCELLER_FRAME) + 0.5) / CANCELLER_FRAME)
    out = np.zeros(len(sound) + CANCELLER_FRAME, np.float32)
    bands, gains = 16, np.zeros(16)
    edges = np.minimum(np.geomspace(1, CANCELLER_FRAME // 2 + 1, bands).astype(int), CANCELLER_FRAME // 2)
    for at in range(0, len(sound) - CANCELLER_FRAME, hop):
        gains = np.clip(gains + random.normal(0, most / 6, bands), -most, 0)
        spectrum = np.fft.rfft(sound[at : at + CANCELLER_FRAME] * taper)
        spectrum *= np.interp(np.arange(len(spectrum)), edges, 10 ** (gains / 20))
        out[at : at + CANCELLER_FRAME] += np.fft.irfft(spectrum, CANCELLER_FRAME) * taper
    return out[: len(sound)]


class SpeechState:
    """Knows whether the person speaks, as the mixer of a call does."""

    ducks = True

    def __init__(self) -> None:
        self.speech = False

    def speaks(self, person: int, speaking: bool) -> None:
        """Take what the speech watch says."""
        del person
        self.speech = speaking
