"""An engine that could not be made at the start: made as soon as it can be, when somebody needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence

import numpy as np
import soxr

from audio.samples import Samples
from tts_server.engines.base import EngineError, LoadingReport, SpeechEngine, Voice
from tts_server.voices.profile import UnknownVoiceError
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

_ANY_LANGUAGE = "en"


class LateEngine:
    """A :class:`~tts_server.engines.base.SpeechEngine` that :meth:`load` tries to make; until then others stand in.

    What it has to say of its voices before that is a guess, by which nothing is spoken.

    Args:
        name: what people call it.
        make: makes the engine, as often as it is asked; raises :class:`EngineError` or :class:`UnknownVoiceError`.
    """

    sample_rate = SAMPLE_RATE
    concurrency = 1

    def __init__(self, name: str, make: Callable[[], SpeechEngine]) -> None:
        self.name = name
        self._make = make
        self._engine: SpeechEngine | None = None

    @property
    def shifts_pitch(self) -> bool:
        """As the engine has it."""
        return self._engine is not None and self._engine.shifts_pitch

    @property
    def loaded(self) -> bool:
        """Whether it is made, and can speak."""
        return self._engine is not None and self._engine.loaded

    @property
    def advice(self) -> str | None:
        """As the engine has it."""
        return self._engine.advice if self._engine is not None else None

    def load(self, report: LoadingReport) -> None:
        """Make it, where that has not been done, and load it. Blocks: call it in a thread.

        Raises:
            EngineError: it still can't be made, or loaded.
        """
        if self._engine is None:
            try:
                self._engine = self._make()
            except UnknownVoiceError as error:
                raise EngineError(str(error)) from error
        self._engine.load(report)

    def unload(self) -> None:
        """Give back the memory that loading took."""
        if self._engine is not None:
            self._engine.unload()

    def voices(self) -> Sequence[Voice]:
        """Its voices, once it is made."""
        return self._engine.voices() if self._engine is not None else ()

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """The voice to speak with; any, as long as nobody knows which it has."""
        if self._engine is None:
            return Voice(voice or self.name, voice or self.name, language or _ANY_LANGUAGE)
        return self._engine.resolve(voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak, at one rate whatever the engine's own is. Called in a worker thread."""
        engine = self._engine
        assert engine is not None, "only what is loaded speaks"  # noqa: S101
        resampler = soxr.ResampleStream(engine.sample_rate, SAMPLE_RATE, 1, dtype="float32")
        for chunk in engine.synthesize(text, self._known(engine, voice), parameters, stop):
            yield resampler.resample_chunk(chunk)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    @staticmethod
    def _known(engine: SpeechEngine, voice: Voice) -> Voice:
        """Its own voice for one that was guessed before the engine was made."""
        try:
            return engine.resolve(voice.id, voice.language)
        except UnknownVoiceError:
            return engine.resolve(None, None)

    def close(self) -> None:
        """Let go of everything."""
        if self._engine is not None:
            self._engine.close()
