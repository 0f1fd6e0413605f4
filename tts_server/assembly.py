"""Puts the voice together from the settings."""

from __future__ import annotations

from config.errors import SettingsError
from config.pronunciations import read_pronunciations
from config.speech_settings import SpeechSettings
from tts_server.engines.factory import create_better_engine, create_engines
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary
from wire.presets import read_presets

BETTER_IDLE_SECONDS = 30.0
"""Soon: it competes with calls for the card, and whoever wants more of it asks at once."""


def create_pool(settings: SpeechSettings, library: VoiceLibrary) -> EnginePool:
    """The voice as the settings have it, with the voices that people made. Blocks: call it in a thread.

    Raises:
        SettingsError: the presets, the pronunciations or the folder of voices can't be used.
        EngineError: an engine can't be made.
        UnknownVoiceError: the first has no voice as ``TTS_VOICE`` names.
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
    )


def create_better_pool(settings: SpeechSettings, library: VoiceLibrary) -> EnginePool | None:
    """The voice for sound that may take longer, where the settings ask for one. Blocks: call it in a thread.

    No engine stands in for it: who asks for it wants this one, or to be told that it can't be had.

    Args:
        library: with its voices, as :func:`create_speech` leaves it.

    Raises:
        SettingsError: the presets or the pronunciations can't be used.
        EngineError, UnknownVoiceError: the engine can't be made.
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
