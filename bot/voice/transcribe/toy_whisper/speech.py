"""What the toy Whisper is fitted on: its sentences in synthetic voices, as they come out of Discord, and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import discord
import numpy as np
import soxr
from numpy.typing import NDArray

from bot.voice.heard import HEARING_RATE, Sound16
from bot.voice.opus import load_opus
from bot.voice.receive.decoder import SpeechDecoder
from tts_server.engines.espeak_library import EspeakLibrary, load

DISCORD_RATE, FRAME = 48_000, 960
QUIETEST, LOUDEST = 0.15, 1.5
NOISE_SOUNDS = 240

Sound48 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ToyVoice:
    """A synthetic voice: espeak-ng's name of it, words a minute, pitch (0 to 100)."""

    name: str
    rate: int
    pitch: int


VOICES = (
    ToyVoice("en-us+f3", 165, 55),
    ToyVoice("en-us+m3", 150, 45),
    ToyVoice("en-us", 160, 50),
    ToyVoice("en-us+f2", 175, 65),
    ToyVoice("en-us+m5", 155, 40),
)
"""The voices that it knows; the sandbox's guests speak with the first three."""
PACES = (0.93, 1.0, 1.07)


def render(library: EspeakLibrary, text: str, voice: ToyVoice, pace: float = 1.0) -> Sound48:
    """Say a sentence: 48,000 Hz, mono, about -20 dBFS, without silence around it."""
    pieces: list[bytes] = []

    def take(audio: bytes) -> bool:
        pieces.append(audio)
        return True

    library.speak(text, voice.name, round(voice.rate * pace), voice.pitch, take)
    sound = np.frombuffer(b"".join(pieces), "<i2").astype(np.float32) / np.float32(32_768)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[loud[0] : loud[-1] + 1] if len(loud) else sound
    level = float(np.sqrt(np.mean(np.square(sound)))) or 1.0
    resampled: Sound48 = soxr.resample(sound * np.float32(0.1 / level), library.sample_rate, DISCORD_RATE)
    return resampled.astype(np.float32)


def through_discord(sound: Sound48) -> Sound16:
    """The sound as it is heard at the other end: Opus, and 16,000 Hz."""
    encoder = discord.opus.Encoder(application="voip", signal_type="voice", bitrate=64)
    decoder = SpeechDecoder()
    padded = np.pad(sound, (0, -len(sound) % FRAME))
    pcm = (np.clip(padded, -1, 1) * 32_767).astype("<i2")
    frames = [
        decoder.decode(bytes(encoder.encode(np.repeat(pcm[at : at + FRAME], 2).tobytes(), FRAME)), 0)
        for at in range(0, len(pcm), FRAME)
    ]
    return np.concatenate([frame for frame in frames if frame is not None])


def renderings(text: str) -> list[Sound16]:
    """A sentence in every voice and at every pace, as it is heard through Discord."""
    load_opus()
    library = load()
    return [through_discord(render(library, text, voice, pace)) for voice in VOICES for pace in PACES]


def variants(sound: Sound16, random: np.random.Generator, count: int) -> Iterator[Sound16]:
    """The same sound as other microphones and other cuts would have it: level, noise, silence around it."""
    for _ in range(count):
        before, after = random.integers(0, HEARING_RATE // 2, 2)
        cut = random.integers(0, HEARING_RATE // 50)
        whole = np.pad(sound[cut:], (before, after)) * random.uniform(QUIETEST, LOUDEST)
        noise = random.normal(0, 10 ** random.uniform(-5, -2.6), len(whole))
        yield (whole + noise).astype(np.float32)


def noises(random: np.random.Generator) -> Iterator[Sound16]:
    """What is no speech: silence, hiss and rumble of all colours, coughs and knocks, hums and chords."""
    for number in range(NOISE_SOUNDS):
        length = int(random.uniform(0.3, 4.0) * HEARING_RATE)
        time = np.arange(length) / HEARING_RATE
        sound = _coloured(random, length) * 10 ** random.uniform(-5, -0.7)
        if number % 3 == 1:
            beats = np.mod(time, random.uniform(0.08, 1.5))
            sound *= np.exp(-beats * random.uniform(5, 60))
        elif number % 3 == 2:
            for _ in range(random.integers(1, 5)):
                tone = np.sin(2 * np.pi * random.uniform(60, 2_000) * time)
                sound += random.uniform(0.01, 0.15) * tone * np.exp(-np.mod(time, 0.5) * random.uniform(0, 8))
        yield (sound + random.normal(0, 1e-5, length)).astype(np.float32)


def _coloured(random: np.random.Generator, length: int) -> NDArray[np.float64]:
    """Noise of a random slope and band, of level 1."""
    spectrum = np.fft.rfft(random.normal(0, 1, length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / HEARING_RATE), 20.0)
    spectrum *= frequencies ** -random.uniform(0, 1.2)
    if random.random() < 0.5:
        centre, width = random.uniform(200, 4_000), random.uniform(0.3, 1.5)
        spectrum *= np.exp(-(np.log(frequencies / centre) ** 2) / (2 * width**2))
    sound = np.fft.irfft(spectrum, length)
    return sound / (np.sqrt(np.mean(np.square(sound))) or 1.0)
