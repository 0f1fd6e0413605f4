"""Makes the engines that the settings name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import soxr

from audio.samples import Samples
from config.speech_settings import EngineName, SpeechSettings, engine_variables
from tts_server.engines.base import EngineError, LoadingReport, SpeechEngine, UnknownEngineError, Voice
from tts_server.voices.profile import Profiles, UnknownVoiceError
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


def create_engines(settings: SpeechSettings, profiles: Profiles) -> tuple[SpeechEngine, ...]:
    """The engine that is wanted and those that stand in for it, in order; ``profiles`` are the voices people made.

    An engine that can't be made now is no reason to be silent as long as another one can: the wanted one is tried again
    when somebody needs it. Piper, which a profile takes unasked, lets another lead where only that has the voice that
    ``TTS_VOICE`` names. Blocks for as long as that takes, so call it off the event loop.

    Raises:
        EngineError: none of them can be made.
        UnknownEngineError: the settings name one that does not exist.
        UnknownVoiceError: the first has no voice as ``TTS_VOICE`` names.
    """
    name = settings.tts_engine

    def make() -> SpeechEngine:
        try:
            with _named(f"TTS_ENGINE={name}"):
                return create_engine(name, settings, profiles, settings.tts_voice)
        except UnknownVoiceError as error:
            raise UnknownVoiceError(f"TTS_VOICE: {error}") from error

    try:
        return make(), *_stand_ins(settings, profiles)
    except UnknownEngineError:
        raise
    except UnknownVoiceError:
        if name != EngineName.PIPER or not (others := _others(settings)):
            raise
        with suppress(UnknownVoiceError):
            changed = {"tts_engine": others[0], "tts_fallback": (*others[1:], name)}
            return create_engines(settings.model_copy(update=changed), profiles)
        raise
    except EngineError as error:
        if not (stand_ins := _stand_ins(settings, profiles)):
            raise
        _log.error("%s. %s speaks in its place; it is tried again when it is needed.", error, stand_ins[0].name)
        return DeferredEngine(name, make), *stand_ins


def _others(settings: SpeechSettings) -> list[str]:
    """The names of the engines that stand in, but for Piper where nobody has asked for it and it has no voice."""
    unasked = "tts_fallback" not in settings.model_fields_set and settings.piper_model is None
    left_out = {settings.tts_engine, EngineName.PIPER} if unasked else {settings.tts_engine}
    return [name for name in settings.tts_fallback if name not in left_out]


def _stand_ins(settings: SpeechSettings, profiles: Profiles) -> list[SpeechEngine]:
    engines: list[SpeechEngine] = []
    for name in _others(settings):
        try:
            with _named(f"TTS_FALLBACK={name}"):
                engines.append(create_engine(name, settings, profiles, None))
        except UnknownEngineError:
            raise
        except EngineError as error:
            _log.error("%s. It does not stand in.", error)
    return engines


def create_better_engine(settings: SpeechSettings, profiles: Profiles) -> SpeechEngine | None:
    """The engine for sound that may take longer, where the settings name one that is not the wanted one anyway.

    One that can't be made now is tried again when somebody needs it. Blocks as :func:`create_engines` does.

    Raises:
        UnknownEngineError: there is no such engine.
        UnknownVoiceError: it has no voice.
    """
    name = settings.tts_better_engine
    if name is None or name == settings.tts_engine:
        return None
    make = partial(create_engine, name, settings, profiles, None)
    try:
        with _named(f"TTS_BETTER_ENGINE={name}"):
            return make()
    except UnknownEngineError:
        raise
    except EngineError as error:
        _log.error("%s. It is tried again when it is needed.", error)
        return DeferredEngine(name, make)


@contextmanager
def _named(setting: str) -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise type(error)(f"{setting}: {error}") from error


def create_engine(name: str, settings: SpeechSettings, profiles: Profiles, voice: str | None) -> SpeechEngine:
    """Make one engine; ``voice`` is what it speaks with where nobody asks for another.

    Raises:
        EngineError: there is no such engine, or it can't be made.
        UnknownVoiceError: it has no such voice.
    """
    # An engine's own libraries are imported only where it is used.
    match name:
        case EngineName.ESPEAK:
            from audio.espeak import load_espeak
            from tts_server.engines import espeak
            from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine

            engine = espeak.EspeakEngine(load_espeak())
            return RealtimeTtsEngine(engine, voice, espeak.TRAITS)
        case EngineName.XTTS:
            from tts_server.engines.xtts.engine import XttsEngine

            return XttsEngine(
                settings.xtts_model,
                profiles,
                settings.tts_device,
                settings.tts_precision,
                settings.tts_deepspeed,
                cache_dir=settings.tts_voices_dir / ".xtts",
                default_voice=voice,
            )
        case EngineName.PIPER:
            from tts_server.engines.piper.factory import create_piper

            return create_piper(settings.piper_model, _options(name, settings), voice)
        case EngineName.STAND_IN:
            from tts_server.engines.stand_in import StandInEngine

            return StandInEngine(
                first_audio=settings.tts_stand_in_first_audio_ms / 1000,
                real_time_factor=settings.tts_stand_in_rtf,
                timings=settings.tts_stand_in_timings,
                profiles=profiles,
            )
        case _:
            from tts_server.engines.realtime_tts.factory import create_named_engine

            return create_named_engine(name, _options(name, settings), voice, engine_variables())


def _options(name: str, settings: SpeechSettings) -> dict[str, Any]:
    return settings.tts_engine_options if name == settings.tts_engine else {}


_ANY_LANGUAGE = "en"


class DeferredEngine:
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
