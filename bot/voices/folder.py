"""Where the voices lie that people made."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from config.speech_settings import USUAL_VOICES_DIR, SpeechSettings


def voices_folder(settings: Settings, speech: SpeechSettings) -> Path:
    """Where the bot's own speech server keeps them: in ``DATA_DIR``, unless ``TTS_VOICES_DIR`` names another folder."""
    usual = speech.tts_voices_dir == USUAL_VOICES_DIR
    return settings.data_dir / "voices" if usual else speech.tts_voices_dir
