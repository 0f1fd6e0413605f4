"""What the demonstration takes of a person's settings, and what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.demo.settings import demo_environment, demo_settings, left_out
from config.settings import Settings
from config.speech_settings import SpeechSettings

OWN = {
    "COMMAND_PREFIX": "?",
    "PROMPT_CHANNEL": "voice-prompts",
    "VOICE_ENABLED": "false",
    "PERSONA": "helper",
    "LISTENING": "opt-in",
    "TTS_VOICE": "de",
    "TTS_PRESET": "",
    "QUIET_HOURS": "",
    "STT_LANGUAGE": "de",
    "LLM_MAX_TOKENS": "3",
    "WHO_MAY_JOIN": "role:Hosts",
    "ANSWER_TO": "name",
}


def _set(monkeypatch: pytest.MonkeyPatch, folder: Path, **variables: str) -> Settings:
    monkeypatch.chdir(folder)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()), "utf-8")
    return Settings.read()


def _read_by_its_bot(monkeypatch: pytest.MonkeyPatch, own: Settings) -> tuple[Settings, Any]:
    """What the demonstration's bot and its speech server read, with the same ``.env`` in the same folder."""
    for name, value in demo_environment(own, SpeechSettings.read()).items():
        monkeypatch.setenv(name, value)
    return Settings.read(), SpeechSettings.read()


@pytest.mark.parametrize("name", OWN)
def test_each_setting_that_is_not_an_engines_stays_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    own = _set(monkeypatch, tmp_path, **{name: OWN[name]})
    assert left_out(own, SpeechSettings.read()) == [name]
    usual = Settings.read(_env_file=None)
    settings, speech = _read_by_its_bot(monkeypatch, own)
    assert settings == usual
    assert (speech.tts_voice, speech.tts_preset, speech.tts_fallback) == (None, "natural", ("piper", "espeak"))
    assert demo_settings(own) == usual


def test_the_engines_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engines = {
        "LLM_URL": "http://127.0.0.1:11434/v1",
        "LLM_MAX_TOKENS": "99",
        "STT_URL": "http://127.0.0.1:9000/v1",
        "STT_LANGUAGE": "de",
        "TTS_ENGINE": "xtts",
        "TTS_VOICE": "Claribel Dervla",
    }
    own = _set(monkeypatch, tmp_path, **engines, COMMAND_PREFIX="?")
    settings, speech = _read_by_its_bot(monkeypatch, own)
    assert (str(settings.llm.url), settings.llm.max_tokens) == ("http://127.0.0.1:11434/v1", 99)
    assert (str(settings.stt.url), settings.stt.language) == ("http://127.0.0.1:9000/v1", "de")
    assert (settings.tts.engine, speech.tts_voice) == ("xtts", "Claribel Dervla")
    assert speech.xtts_model == tmp_path / "data" / "models" / "xtts-v2"
    assert settings.command_prefix == "!"
    assert left_out(own, SpeechSettings.read()) == ["COMMAND_PREFIX"]
