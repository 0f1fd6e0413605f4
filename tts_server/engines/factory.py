"""Creates the engines that the settings name."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import soxr

from audio.samples import Samples
from config.kokoro_model import kokoro_model_fault
from config.speech_settings import EngineName, SpeechSettings, engine_variables
from tts_server.engines.base import EngineError, LoadingReport, SpeechEngine, UnknownEngineError, Voice
from tts_server.voices.profile import UnknownVoiceError, VoiceProfileStore
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

# The language of a guessed voice, if the request names none.
_ANY_LANGUAGE = "en"


def create_engines(settings: SpeechSettings, profiles: VoiceProfileStore) -> tuple[SpeechEngine, ...]:
    """Create the preferred engine and its fallbacks, in this order. It blocks: call it in a thread.

    If the preferred engine can't be created now, a fallback speaks, and the preferred engine is tried again when
    somebody needs it. If Piper is preferred but another engine has the voice of ``TTS_VOICE``, that engine comes first.

    Args:
        settings: the speech server's settings.
        profiles: the voices that people have made.

    Raises:
        EngineError: none of the engines can be created.
        UnknownEngineError: the settings name an engine that does not exist.
        UnknownVoiceError: the preferred engine has no voice of the name in ``TTS_VOICE``.
    """
    name = settings.tts_engine

    def make() -> SpeechEngine:
        try:
            with _named(f"TTS_ENGINE={name}"):
                return create_engine(name, settings, profiles, settings.tts_voice)
        except UnknownVoiceError as error:
            raise UnknownVoiceError(f"TTS_VOICE: {error}") from error

    try:
        return make(), *_fallbacks(settings, profiles)
    except UnknownEngineError:
        raise
    except UnknownVoiceError:
        names = _fallback_names(settings) if name == EngineName.PIPER else []
        for other in names:
            others = (name, *(each for each in names if each != other))
            with suppress(UnknownVoiceError):
                changed = {"tts_engine": other, "tts_fallback": others}
                return create_engines(settings.model_copy(update=changed), profiles)
        raise
    except EngineError as error:
        if not (fallbacks := _fallbacks(settings, profiles)):
            raise
        _log.error("%s. %s speaks instead. %s is tried again when it is needed.", error, fallbacks[0].name, name)
        return DeferredEngine(name, make), *fallbacks


def _fallback_names(settings: SpeechSettings) -> list[str]:
    """Return the names of the fallbacks.

    If ``TTS_FALLBACK`` has its default, two engines may be left out: Piper if ``PIPER_MODEL`` is not set, and Kokoro if
    its weights are missing or the preferred engine is espeak-ng, which is quicker on every machine.
    """
    left_out = {settings.tts_engine}
    if not settings.named_fallbacks:
        if settings.piper_model is None:
            left_out.add(EngineName.PIPER)
        if settings.kokoro_folder is None or settings.tts_engine == EngineName.ESPEAK:
            left_out.add(EngineName.KOKORO)
    return [name for name in settings.tts_fallback if name not in left_out]


def _fallbacks(settings: SpeechSettings, profiles: VoiceProfileStore) -> list[SpeechEngine]:
    engines: list[SpeechEngine] = []
    for name in _fallback_names(settings):
        try:
            with _named(f"TTS_FALLBACK={name}"):
                engines.append(create_engine(name, settings, profiles, None))
        except UnknownEngineError:
            raise
        except EngineError as error:
            _log.error("%s. It is left out of the fallbacks.", error)
    return engines


def create_better_engine(settings: SpeechSettings, profiles: VoiceProfileStore) -> SpeechEngine | None:
    """Create the engine for requests that may take longer (``TTS_BETTER_ENGINE``). It blocks: call it in a thread.

    If the engine can't be created now, it is tried again when somebody needs it.

    Returns:
        The engine, or ``None`` if the setting is empty or names the preferred engine.

    Raises:
        UnknownEngineError: there is no such engine.
        UnknownVoiceError: the engine has no voice.
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
    """Begin an engine's error message with the setting's name, unless a setting's name is there already."""
    try:
        yield
    except EngineError as error:
        if re.match("[A-Z_]+=", str(error)):
            raise
        raise type(error)(f"{setting}: {error}") from error


def create_engine(name: str, settings: SpeechSettings, profiles: VoiceProfileStore, voice: str | None) -> SpeechEngine:
    """Create one engine. It blocks: call it in a thread.

    Args:
        name: one of :class:`~config.speech_settings.EngineName`, or a name of RealtimeTTS's engines.
        settings: the speech server's settings.
        profiles: the voices that people have made.
        voice: the default voice; ``None`` for the engine's own default.

    Raises:
        EngineError: there is no such engine, or it can't be created.
        UnknownVoiceError: the engine has no such voice.
    """
    # An engine's libraries are imported only if that engine is used.
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
                settings.tts.device,
                settings.tts_precision,
                settings.tts_deepspeed,
                cache_dir=settings.tts_voices_dir / ".xtts",
                default_voice=voice,
            )
        case EngineName.PIPER:
            from tts_server.engines.piper.factory import create_piper

            downloaded = settings.downloaded_piper
            return create_piper(settings.piper_model, _options(name, settings), voice, downloaded=downloaded)
        case EngineName.KOKORO:
            from tts_server.engines.kokoro.factory import create_kokoro

            named = settings.kokoro_model
            if named is not None and (fault := kokoro_model_fault(named)) is not None:
                raise EngineError(fault)
            return create_kokoro(settings.kokoro_folder, _options(name, settings), voice)
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


class DeferredEngine:
    """A ``SpeechEngine`` that could not be created at the start; :meth:`load` tries again to create it.

    Until then other engines speak, and :meth:`resolve` returns a guessed voice. When this engine speaks at last, one of
    its own voices replaces the guess.

    Args:
        name: the engine's name for people.
        make: creates the engine; it may be called again after it raised :class:`EngineError` or
            :class:`UnknownVoiceError`.
    """

    sample_rate = SAMPLE_RATE
    concurrency = 1

    def __init__(self, name: str, make: Callable[[], SpeechEngine]) -> None:
        self.name = name
        self._make = make
        self._engine: SpeechEngine | None = None

    @property
    def shifts_pitch(self) -> bool:
        """Whether the engine, once created, applies ``pitch_shift`` itself."""
        return self._engine is not None and self._engine.shifts_pitch

    @property
    def loaded(self) -> bool:
        """Whether the engine is created and loaded."""
        return self._engine is not None and self._engine.loaded

    @property
    def advice(self) -> str | None:
        """The engine's advice, once it is created."""
        return self._engine.advice if self._engine is not None else None

    def load(self, report: LoadingReport) -> None:
        """Create the engine, unless that is done, and load it. It blocks: call it in a thread.

        Raises:
            EngineError: the engine still can't be created, or can't be loaded.
        """
        if self._engine is None:
            try:
                self._engine = self._make()
            except UnknownVoiceError as error:
                raise EngineError(str(error)) from error
        self._engine.load(report)

    def unload(self) -> None:
        """Free the memory that loading took."""
        if self._engine is not None:
            self._engine.unload()

    def voices(self) -> Sequence[Voice]:
        """Return the engine's voices, once it is created."""
        return self._engine.voices() if self._engine is not None else ()

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request; before the engine is created, a guessed voice with the requested name."""
        if self._engine is None:
            return Voice(voice or self.name, voice or self.name, language or _ANY_LANGUAGE)
        return self._engine.resolve(voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment at the server's sample rate, even if the engine has another rate."""
        engine = self._engine
        assert engine is not None, "only a loaded engine speaks"  # noqa: S101
        resampler = soxr.ResampleStream(engine.sample_rate, SAMPLE_RATE, 1, dtype="float32")
        for chunk in engine.synthesize(text, self._own_voice(engine, voice), parameters, stop):
            yield resampler.resample_chunk(chunk)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    @staticmethod
    def _own_voice(engine: SpeechEngine, voice: Voice) -> Voice:
        """Return the engine's own voice for a voice that was guessed before the engine was created."""
        try:
            return engine.resolve(voice.id, voice.language)
        except UnknownVoiceError:
            return engine.resolve(None, None)

    def close(self) -> None:
        """Close the engine, if it was created."""
        if self._engine is not None:
            self._engine.close()
