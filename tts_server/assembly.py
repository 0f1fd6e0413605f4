"""Puts the server together from its settings."""

from __future__ import annotations

from tts_server.engines.catalogue import create_engines
from tts_server.presets import COMMON_FILE, Presets
from tts_server.settings import Settings
from tts_server.speaking.speech import Speech
from tts_server.voices.profile import Profiles


def create_speech(settings: Settings, profiles: Profiles) -> Speech:
    """The voice as the settings have it. Blocks while engines are made: call it in a thread.

    Raises:
        PresetError: the presets can't be used.
        EngineError: an engine can't be made.
        UnknownVoiceError: the first has no voice as ``TTS_VOICE`` names.
    """
    return Speech(
        create_engines(settings, profiles),
        Presets.read(settings.tts_presets or COMMON_FILE, settings.tts_preset),
        idle_seconds=settings.tts_idle_unload,
        at_once=settings.tts_max_replies,
    )
