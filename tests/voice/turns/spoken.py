"""Real speech for the tests of turns: espeak-ng, as it is heard, 16,000 Hz mono."""

from __future__ import annotations

import numpy as np
import soxr

from audio.espeak import load_espeak
from audio.samples import HEARING_RATE, Sound16
from benchmarks.end_of_turn_speech import Speaker, Voice
from sandbox.voice.opus import SAMPLE_RATE

VOICE = Voice("English (America)", 160, 50)


def make_speaker(voice: Voice = VOICE) -> Speaker:
    return Speaker(load_espeak(), voice)


def say(text: str) -> Sound16:
    speech = make_speaker().say([text], [], 0.0)
    return np.asarray(soxr.resample(speech.sound, SAMPLE_RATE, HEARING_RATE), np.float32)
