"""Engines whose sound shows which text was spoken, and engines that fail in a chosen way."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Sequence

import numpy as np

from audio.samples import Samples
from tts_server.engines.base import AlwaysLoaded, EngineError, Voice
from tts_server.engines.voice_lookup import resolve_voice
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

VOICES = (Voice("plain", "Plain", "en"), Voice("deutsch", "Deutsch", "de"))
CHUNK = SAMPLE_RATE // 50


class CountingEngine(AlwaysLoaded):
    """Speaks each character as ``chunks`` chunks of 20 ms. All samples have the value of the text's first number.

    "reply 7" becomes samples of 7 / 1000, so that a test can tell which reply a sample belongs to. The engine's rate is
    the protocol's, so that no resampling changes the values.
    """

    name = "counting"
    sample_rate = SAMPLE_RATE
    concurrency = 1
    shifts_pitch = False

    def __init__(self, chunks: int = 1) -> None:
        self.texts: list[str] = []
        self.active = 0
        self.made = 0
        self.closed = False
        self._chunks = chunks

    def voices(self) -> Sequence[Voice]:
        return VOICES

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        return resolve_voice(VOICES, VOICES[0], voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.texts.append(text)
        self.active += 1
        try:
            for _ in range(len(text) * self._chunks):
                if stop.is_set():
                    return
                self.made += CHUNK
                yield np.full(CHUNK, value_of(text), np.float32)
        finally:
            self.active -= 1

    def close(self) -> None:
        self.closed = True


def value_of(text: str) -> float:
    """The sample value that :class:`CountingEngine` uses for a text."""
    number = re.search(r"\d+", text)
    return int(number[0]) / 1000 if number else 0.0


class GatedEngine(CountingEngine):
    """Makes two chunks. Between them, it waits for ``gate`` or ``stop`` if the gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.waits = False
        self.stopped_at: float | None = None

    def close_gate(self) -> None:
        self.gate.clear()

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.texts.append(text)
        yield np.full(CHUNK, value_of(text), np.float32)
        while not self.gate.wait(0.002):
            self.waits = True
            if stop.is_set():
                self.stopped_at = time.monotonic()
                return
        yield np.full(CHUNK, value_of(text), np.float32)


class FailingEngine(CountingEngine):
    """Speaks normally, except texts with the word "raise", "nan", "nothing", "broken" or "endless"."""

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        if "raise" in text:
            raise RuntimeError("the card is gone")
        if "nothing" in text:
            return
        if "nan" in text:
            yield np.full(CHUNK, np.nan, np.float32)
        if "endless" in text:
            while not stop.is_set():
                yield np.zeros(SAMPLE_RATE, np.float32)
        for number, chunk in enumerate(super().synthesize(text, voice, parameters, stop)):
            if "broken" in text and number == 2:
                raise EngineError("out of memory")
            yield chunk
