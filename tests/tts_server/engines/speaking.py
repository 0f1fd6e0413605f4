"""Lets an engine speak a whole text."""

from __future__ import annotations

import threading

import numpy as np

from audio.samples import Samples
from tts_server.engines.base import SpeechEngine
from wire.parameters import SpeechParameters

PLAIN = SpeechParameters()


def speak(engine: SpeechEngine, text: str, parameters: SpeechParameters = PLAIN) -> Samples:
    voice = engine.resolve(parameters.voice, parameters.language)
    chunks = list(engine.synthesize(text, voice, parameters, threading.Event()))
    return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
