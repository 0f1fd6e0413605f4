"""Settings of the demonstration: which of the operator's settings it uses, and which it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.demo.settings import demo_environment, demo_settings, ignored_settings
from bot.models.model_store import Condition, ModelStore
from bot.own_weights import choose_weights
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


def _as_the_demonstration_reads(monkeypatch: pytest.MonkeyPatch, own: Settings) -> tuple[Settings, Any]:
    """The settings of the demonstration's bot and its speech server, with the same ``.env`` in the same folder."""
    for name, value in demo_environment(own, SpeechSettings.read()).items():
        monkeypatch.setenv(name, value)
    return Settings.read(), SpeechSettings.read()


@pytest.mark.parametrize("name", OWN)
def test_a_setting_is_not_used_while_no_engine_needs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    own = _set(monkeypatch, tmp_path, **{name: OWN[name]})
    assert ignored_settings(own, SpeechSettings.read()) == [name]
    usual = Settings.read(_env_file=None)
    settings, speech = _as_the_demonstration_reads(monkeypatch, own)
    assert settings == usual
    assert (speech.tts_voice, speech.tts_preset, speech.tts_fallback) == (
        None,
        "natural",
        ("piper", "kokoro", "espeak"),
    )
    assert demo_settings(own) == usual


def test_a_named_llm_is_used_and_an_unusable_name_is_reported_as_at_an_ordinary_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = _set(monkeypatch, tmp_path, LLM_MODEL="llama3.1", WEIGHTS="toys")
    assert ignored_settings(own, SpeechSettings.read()) == []
    (told,) = choose_weights(demo_settings(own)).notices
    assert told.startswith("LLM_MODEL=llama3.1 is neither a GGUF file nor a model of")
    settings, _ = _as_the_demonstration_reads(monkeypatch, own)
    assert settings.llm.model == "llama3.1"


def test_models_named_in_the_settings_are_passed_by_their_absolute_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = {"whisper-small", "qwen2.5-7b-q4"}
    monkeypatch.setattr(ModelStore, "is_whole", lambda _store, name, _model: name in here)
    monkeypatch.setattr(
        ModelStore, "condition", lambda _store, name, _model: Condition.COMPLETE if name in here else None
    )
    own = _set(monkeypatch, tmp_path, STT_MODEL="small", LLM_MODEL="qwen2.5-7b-q4")
    given = demo_environment(own, SpeechSettings.read())
    models = tmp_path / "data" / "models"
    assert given["STT_MODEL"] == str(models / "whisper-small")
    assert Path(given["LLM_MODEL"]).is_relative_to(models / "qwen2.5-7b-q4")


def test_the_settings_of_the_engines_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engines = {
        "LLM_URL": "http://127.0.0.1:11434/v1",
        "LLM_MAX_TOKENS": "99",
        "STT_URL": "http://127.0.0.1:9000/v1",
        "STT_LANGUAGE": "de",
        "TTS_ENGINE": "xtts",
        "TTS_VOICE": "Claribel Dervla",
    }
    own = _set(monkeypatch, tmp_path, **engines, COMMAND_PREFIX="?")
    settings, speech = _as_the_demonstration_reads(monkeypatch, own)
    assert (str(settings.llm.url), settings.llm.max_tokens) == ("http://127.0.0.1:11434/v1", 99)
    assert (str(settings.stt.url), settings.stt.language) == ("http://127.0.0.1:9000/v1", "de")
    assert (settings.tts.engine, speech.tts_voice) == ("xtts", "Claribel Dervla")
    assert speech.xtts_model == tmp_path / "data" / "models" / "xtts-v2"
    assert settings.command_prefix == "!"
    assert ignored_settings(own, SpeechSettings.read()) == ["COMMAND_PREFIX"]


def test_files_of_secrets_are_not_used_except_for_the_keys_of_the_engines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Secret files win over environment variables, so the operator's token would win over the demonstration's."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("discord_token", "tts_token", "llm_api_key", "vision_llm_api_key", "openai_api_key"):
        (secrets / name).write_text(f"own-{name}\n")
    _set(monkeypatch, tmp_path, TTS_WEBSOCKET_URL="ws://tts:8765/ws/stream", LLM_URL="http://there/v1")
    own = Settings.read(secrets)
    given = demo_environment(own, SpeechSettings.read(secrets), secrets)
    assert not Path(given["SECRETS_DIR"]).is_dir()
    assert given["TTS_TOKEN"] == "own-tts_token"
    assert given["LLM_API_KEY"] == "own-llm_api_key"
    assert given["OPENAI_API_KEY"] == "own-openai_api_key"
    assert (given["DISCORD_TOKEN"], given["VISION_LLM_API_KEY"]) == ("", "")
