"""Tries the voice that is wanted: loads it, lets it say a sentence to nobody, and tells how quick it was."""

from __future__ import annotations

import time
from contextlib import aclosing

from tts_server.engines.base import EngineError
from tts_server.speaking.speech import Speech
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

SLOWEST = 0.8
"""Seconds of work for a second of sound: with more, replies have gaps as soon as something else is done."""
SENTENCE = "Hello there, this is how I sound today."


async def try_voice(speech: Speech) -> str:
    """Returns a line for people.

    Raises:
        EngineError: it can't be loaded, or can't speak.
    """
    engine = speech.engines[0]
    began = time.monotonic()
    async with speech.audition(speech.settle(SpeechParameters(), SENTENCE), SAMPLE_RATE) as reply:
        loaded, first, samples = time.monotonic(), 0.0, 0
        async with aclosing(reply.say(SENTENCE)) as pieces:
            async for piece in pieces:
                first = first or time.monotonic()
                samples += len(piece)
    if not samples:
        raise EngineError(f"{engine.name} gave no sound")
    took, audio = time.monotonic() - loaded, samples / SAMPLE_RATE
    loading = f"loaded in {loaded - began:.1f} s, " if loaded - began >= 1 else ""
    line = f"{engine.name}: {loading}first sound after {1000 * (first - loaded):.0f} ms, {took / audio:.2f}x real time"
    line = f"{line}: {verdict(took / audio)}"
    return f"{line}. {engine.advice}" if engine.advice else line


def verdict(ratio: float) -> str:
    """Whether a voice that takes so many seconds for one of sound does for a call, and else what to do."""
    return "fast enough for a call" if ratio < SLOWEST else "too slow for a call: set TTS_ENGINE=espeak"
