"""Puts the voice together from the settings."""

from __future__ import annotations

from tts_server.engines.catalogue import create_engines
from tts_server.presets import COMMON_FILE, PresetError, Presets
from tts_server.settings import Settings, SettingsError
from tts_server.speaking.speech import Speech
from tts_server.voices.library import VoiceLibrary


def create_speech(settings: Settings, library: VoiceLibrary) -> Speech:
    """The voice as the settings have it, with the voices that people made. Blocks: call it in a thread.

    Raises:
        SettingsError: the presets or the folder of voices can't be used.
        EngineError: an engine can't be made.
        UnknownVoiceError: the first has no voice as ``TTS_VOICE`` names.
    """
    try:
        presets = Presets.read(settings.tts_presets or COMMON_FILE, settings.tts_preset)
        library.load()
    except PresetError as error:
        raise SettingsError(f"TTS_PRESET: {error}") from error
    except OSError as error:
        raise SettingsError(f"TTS_VOICES_DIR: {error}") from error
    return Speech(
        create_engines(settings, library),
        presets,
        idle_seconds=settings.tts_idle_unload,
        at_once=settings.tts_max_replies,
    )
