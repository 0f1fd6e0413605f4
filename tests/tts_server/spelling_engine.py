"""An engine that encodes words in its sound, so that a test can read back each word."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Sequence

import numpy as np

from audio.samples import Samples
from tests.timing import Clock
from tests.tts_server.stand_in_engines import CHUNK, VOICES
from tts_server.engines.base import AlwaysLoaded, EngineError, LoadingReport, Voice
from tts_server.engines.voice_lookup import resolve_voice
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

SECONDS_A_CHARACTER = 1 / 15
_CHARACTER = round(SECONDS_A_CHARACTER * SAMPLE_RATE)
_STEP = SAMPLE_RATE / CHUNK
_FIRST = 4
_LIMIT = 30.0
"""Seconds that a test waits at most, so that a broken test ends."""
_TIMES = np.arange(_CHARACTER) / SAMPLE_RATE


class SpellingEngine(AlwaysLoaded):
    """Speaks the word ``w7`` as a tone that stands for 7 and lasts as long as the word; everything else is silence.

    It starts ``delay`` seconds after ``begins`` is set; at first, ``begins`` is set already. With a test's ``clock``,
    these seconds pass on that clock alone. It makes one chunk per character, and fails with ``failure`` after
    ``fails_after`` chunks.
    """

    sample_rate = SAMPLE_RATE
    concurrency = 1
    shifts_pitch = True

    def __init__(self, name: str, loudness: float = 0.2) -> None:
        self.name = name
        self.texts: list[str] = []
        self.parameters: list[SpeechParameters] = []
        self.spoken_by: list[str] = []
        self.fails_after: int | None = None
        self.delay = 0.0
        self.clock: Clock | None = None
        self.begins = threading.Event()
        self.begins.set()
        self.failure: Exception = EngineError("the card is gone")
        self._loudness = loudness

    def voices(self) -> Sequence[Voice]:
        return VOICES

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        return resolve_voice(self.voices(), self.voices()[0], voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.texts.append(text)
        self.parameters.append(parameters)
        self.spoken_by.append(voice.id)
        self.begins.wait(_LIMIT)
        if self.clock is not None:
            self.clock.pass_by(self.delay)
        elif self.delay:
            stop.wait(self.delay)
        for word in _characters(text):
            if stop.is_set():
                return
            if self.fails_after is not None:
                if self.fails_after == 0:
                    raise self.failure
                self.fails_after -= 1
            tone = np.sin(2 * np.pi * (_FIRST + word) * _STEP * _TIMES) if word is not None else np.zeros(_CHARACTER)
            yield (self._loudness * tone).astype(np.float32)

    def close(self) -> None:
        pass


class LoadingEngine(SpellingEngine):
    """Has to be loaded; loading ends when its gate is opened."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.loaded = False
        self.gate = threading.Event()
        self.failure_to_load: Exception | None = None
        self.loads = 0

    def load(self, report: LoadingReport) -> None:
        self.loads += 1
        report(0.5)
        assert self.gate.wait(60)
        if self.failure_to_load is not None:
            raise self.failure_to_load
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False


def _characters(text: str) -> Generator[int | None, None, None]:
    for match in re.finditer(r"w(\d+)\S*|.", text, re.DOTALL):
        word = int(match[1]) if match[1] else None
        yield from [word] * len(match[0])


def words_heard(samples: Samples) -> list[int]:
    """The numbers of the words in the sound, in order. A word counts once for as long as it sounds without a break."""
    heard: list[int] = []
    silent = True
    for start in range(0, len(samples) - _CHARACTER + 1, _CHARACTER):
        piece = samples[start : start + CHUNK]
        spectrum = np.abs(np.fft.rfft(piece))
        if spectrum.max() < 1:
            silent = True
            continue
        word = int(spectrum.argmax()) - _FIRST
        if silent or not heard or heard[-1] != word:
            heard.append(word)
        silent = False
    return heard
