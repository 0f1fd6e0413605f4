"""Builds engine pools from the settings."""

from __future__ import annotations

from functools import partial

from config.errors import SettingsError
from config.pronunciations import read_pronunciations
from config.speech_settings import SpeechSettings, engine_costs_money, engine_variables
from tts_server.engines.factory import create_better_engine, create_engines
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary
from wire.presets import read_presets

BETTER_IDLE_SECONDS = 30.0
"""Seconds without use after which the better engine is unloaded. Short, since calls need the GPU memory."""


def create_pool(settings: SpeechSettings, library: VoiceLibrary) -> EnginePool:
    """Load the library of voices, and build the engine pool with them. Blocks: call it in a thread.

    Raises:
        SettingsError: the presets, the pronunciations or the folder of voices can't be used.
        EngineError: an engine can't be created.
        UnknownVoiceError: the preferred engine has no voice called ``TTS_VOICE``.
    """
    presets, pronunciations = read_presets(settings), read_pronunciations(settings)
    try:
        library.load()
    except OSError as error:
        raise SettingsError(f"TTS_VOICES_DIR: {error}") from error
    return EnginePool(
        create_engines(settings, library),
        presets,
        pronunciations,
        idle_seconds=settings.tts_idle_unload,
        preferred_replies=settings.tts_max_replies,
        costs_money=partial(engine_costs_money, openai_url=engine_variables().get("OPENAI_BASE_URL")),
    )


def create_better_pool(settings: SpeechSettings, library: VoiceLibrary) -> EnginePool | None:
    """Build the pool of ``TTS_BETTER_ENGINE``, the better engine. Blocks: call it in a thread.

    The pool has no fallbacks: a client that asks for this engine gets this engine or an error. Returns ``None`` if the
    setting is empty or names the preferred engine.

    Args:
        library: must be loaded already; :func:`create_pool` loads it.

    Raises:
        SettingsError: the presets or the pronunciations can't be used.
        EngineError, UnknownVoiceError: the engine can't be created.
    """
    engine = create_better_engine(settings, library)
    if engine is None:
        return None
    return EnginePool(
        [engine],
        read_presets(settings),
        read_pronunciations(settings),
        idle_seconds=min(settings.tts_idle_unload, BETTER_IDLE_SECONDS),
    )
