"""Speech as the bot hears it: espeak-ng, through Opus at 48,000 Hz with losses, decoded at 16,000 Hz."""

from __future__ import annotations

from typing import Literal

import numpy as np
import soxr
from discord import opus

from audio.espeak import load_espeak
from audio.level import at_level
from audio.opus import SpeechDecoder, load_opus
from audio.pcm import to_int16
from audio.samples import HEARING_RATE, Sound16
from toys.whisper.phrases import FittedVoice

Application = Literal["voip", "lowdelay"]

SPEECH_LEVEL = 0.1
"""RMS of the sound of :func:`say` (-20 dB)."""

_SENT_RATE = 48_000
_FRAME = _SENT_RATE // 50
_BITRATE = 64
# Opus's own default of 9 takes twice the time. What it sounds like is nearly the same at this bitrate.
_COMPLEXITY = 5
_SET_COMPLEXITY = 4010
_VOICED = 0.005


class _MonoEncoder(opus.Encoder):
    CHANNELS = 1
    SAMPLE_SIZE = 2
    FRAME_SIZE = _FRAME * SAMPLE_SIZE


def say(text: str, voice: FittedVoice, rate: int, pitch: int) -> Sound16:
    """Speak ``text`` at ``rate`` words per minute. Returns sound at 48,000 Hz, without the silence around it."""
    library = load_espeak()
    sound = soxr.resample(library.say(text, voice.name, rate, pitch), library.sample_rate, _SENT_RATE, quality="MQ")
    voiced = np.flatnonzero(np.abs(sound) > _VOICED)
    sound = sound[voiced[0] : voiced[-1] + 1]
    return at_level(sound, SPEECH_LEVEL)


def packets(sound: Sound16, *, application: Application) -> list[bytes]:
    """Encode sound at 48,000 Hz as Opus packets, as a Discord client does.

    Args:
        application: Opus's mode; ``lowdelay`` takes a third of the time of ``voip``.
    """
    load_opus()
    encoder = _MonoEncoder(application=application, signal_type="voice", bitrate=_BITRATE)
    opus._lib.opus_encoder_ctl(encoder._state, _SET_COMPLEXITY, _COMPLEXITY)
    pcm = to_int16(np.pad(sound, (0, -len(sound) % _FRAME)))
    return [encoder.encode(frame.tobytes(), _FRAME) for frame in pcm.reshape(-1, _FRAME)]


def received(sent: list[bytes], loss: float, random: np.random.Generator) -> Sound16:
    """Decode packets to sound at 16,000 Hz. A random share of them, ``loss``, is lost and concealed."""
    decoder = SpeechDecoder()
    heard: list[Sound16] = []
    lost = 0
    for packet in sent:
        if random.random() < loss:
            lost += 1
            continue
        decoded = decoder.decode(packet, lost)
        if decoded is not None:
            heard.append(decoded)
        lost = 0
    return np.concatenate(heard) if heard else np.zeros(HEARING_RATE // 50, np.float32)


def to_hearing_rate(sound: Sound16) -> Sound16:
    """Convert the sound of :func:`say` to 16,000 Hz, as if it had not been transmitted."""
    heard: Sound16 = soxr.resample(sound, _SENT_RATE, HEARING_RATE, quality="MQ")
    return heard


def silence(seconds: float) -> Sound16:
    """Silence at the rate of :func:`say`."""
    return np.zeros(int(seconds * _SENT_RATE), np.float32)
