"""Where the voices lie that people made."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from tts_server.settings import USUAL_VOICES_DIR
from tts_server.settings import Settings as SpeechSettings


def voices_folder(settings: Settings, speech: SpeechSettings) -> Path:
    """Where the bot's own speech server keeps them: in ``DATA_DIR``, unless ``TTS_VOICES_DIR`` names another folder."""
    usual = speech.tts_voices_dir == USUAL_VOICES_DIR
    return settings.data_dir / "voices" if usual else speech.tts_voices_dir
