"""Speech of espeak-ng for tests of turn detection: mono, 16,000 Hz."""

from __future__ import annotations

import numpy as np
import soxr

from audio.samples import HEARING_RATE, Sound16
from benchmarks.end_of_turn_speech import SentenceSpeaker
from sandbox.speech import GuestVoice, RepeatableEspeak
from sandbox.voice.opus import SAMPLE_RATE

VOICE = GuestVoice("English (America)", 160, 50)


def make_speaker(voice: GuestVoice = VOICE) -> SentenceSpeaker:
    return SentenceSpeaker(RepeatableEspeak(), voice)


def say(text: str) -> Sound16:
    speech = make_speaker().say([text], [], 0.0)
    return np.asarray(soxr.resample(speech.sound, SAMPLE_RATE, HEARING_RATE), np.float32)
