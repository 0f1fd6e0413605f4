"""Tests of values of settings: clear ones are accepted in any usual form, others refused in plain words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from config.errors import SettingsError
from config.program_settings import SECRETS
from config.settings import Settings, load_settings
from config.speech_settings import SpeechSettings

pytestmark = pytest.mark.usefixtures("clean_environment")

NONSENSE = ("!?", "-1", "a b c d e f g h i j k", "[", "{x: 1}", "999999999999", "ftp://x", "a,b;c", "x" * 200)


def complaint(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(variable, value)
    try:
        if variable.lower() in Settings.settings():
            Settings.read()
        else:
            SpeechSettings.read()
    except SettingsError as error:
        return str(error)
    return ""


def test_no_error_shows_a_regular_expression_or_a_programmers_word(monkeypatch: pytest.MonkeyPatch) -> None:
    words = re.compile(r"\^|\\[sdSw]|\$'|pattern|regex|pydantic|string should|input should|\bnone\b")
    for variable in sorted(name.upper() for name in {**Settings.settings(), **SpeechSettings.settings()}):
        with monkeypatch.context() as environment:
            said = {
                value: complaint(variable, value, environment).replace(repr(value), "").replace(value, "")
                for value in NONSENSE
            }
        assert {value: text for value, text in said.items() if words.search(text)} == {}, variable
        begins = (f"{variable}: ", "TTS_")
        assert {value: text for value, text in said.items() if text and not text.startswith(begins)} == {}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LLM_TEMPERATURE", "9", "a number from 0 to 2, for example LLM_TEMPERATURE=0.8"),
        ("LLM_MAX_TOKENS", "0", "a whole number from 1 to 32,768"),
        ("ALONE_TIMEOUT", "0", "a number above 0"),
        ("FIGURINE_MINUTES", "0", "a number from 1 to 525,600"),
        ("VOICE_ENABLED", "perhaps", "true or false"),
        ("PROFILE", "cloud", "one of embedded, local, hybrid or api"),
        ("LLM_URL", "ws://a/v1", "begins with http:// or https://"),
        ("TTS_WEBSOCKET_URL", "http://a", "begins with ws:// or wss://"),
        ("COMMAND_PREFIX", "hey bot", "1 to 10 characters without a space"),
        ("CHAT_RATE", "10", "10/60 is ten times a minute"),
        ("WHO_MAY_DRAW", "Artists", "role:NAME"),
        ("BARGE_IN", "role", "role:NAME"),
        ("QUIET_HOURS", "23:30-8", "whole hours"),
        ("TTS_BIND", "8765", "an address and a port"),
        ("STT_LANGUAGE", "klingonish", "the code or the English name of a language"),
        ("STT_LANGUAGE", "xx", "the code or the English name of a language"),
        ("STT_LANGUAGE", "de, en", "(de, German or Deutsch), for example STT_LANGUAGE=en"),
        ("STT_LANGUAGE", "germna", "(de, German or Deutsch). Did you mean German?"),
        ("STT_LANGUAGE", "deutch", "Did you mean Deutsch?"),
        ("TIMEZONE", "Berlin time", "time zone"),
        ("FIGURINE_FEEDS", "shop.example.com/feed", "http:// or https://"),
        ("TTS_ENGINE_OPTIONS", "{model: tts-1}", "a JSON object"),
        ("TTS_ENGINE_OPTIONS", "[1]", "a JSON object"),
        ("BIPOLAR_TWIN", "seiyuu", "another persona than PERSONA=seiyuu"),
    ],
)
def test_an_error_says_what_is_allowed(variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(variable, value, monkeypatch)
    assert said.startswith(f"{variable}: ")
    assert value in said
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("variable", "given", "meant"),
    [
        ("PROFILE", "Local", "local"),
        ("TTS_ENGINE", "XTTS", "xtts"),
        ("TTS_DEVICE", " CPU ", "cpu"),
        ("LLM_CHAT_TEMPLATE", "ChatML", "chatml"),
        ("LISTENING", "OPT-IN", "opt-in"),
        ("VOICE_ENABLED", "No", False),
        ("PERSONA", "Seiyuu", "seiyuu"),
        ("PERSONA", "Evil Seiyuu", "evil_seiyuu"),
        ("PERSONA", "config/personas/helper.yaml", "helper"),
        ("BIPOLAR_TWIN", "Evil_Seiyuu", "evil_seiyuu"),
        ("QUIET_HOURS", "23:00-08:00", "23-08"),
        ("QUIET_HOURS", "23 – 8", "23-8"),
        ("CHAT_RATE", "10 / 60", "10/60"),
        ("WHO_MAY_DRAW", "Everyone", "everyone"),
        ("WHO_MAY_DRAW", "Role: Artists, 123", "role:Artists, 123"),
        ("BARGE_IN", "Nobody", "nobody"),
        ("BARGE_IN", "role:Moderators", "role:Moderators"),
        ("STT_LANGUAGE", "German", "de"),
        ("STT_LANGUAGE", "Deutsch", "de"),
        ("STT_LANGUAGE", "日本語", "ja"),
        ("STT_LANGUAGE", "EN-us", "en"),
        ("STT_LANGUAGE", "yue", "yue"),
        ("TIMEZONE", "europe/berlin", "Europe/Berlin"),
        ("PROMPT_CHANNEL", "#general", "general"),
        ("PROMPT_CHANNEL", "<#123>", "123"),
        ("CHAT_CHANNELS", "#chat, <#5>, talk", ("chat", "5", "talk")),
    ],
)
def test_values_with_an_obvious_meaning_are_accepted(
    variable: str, given: str, meant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, given)
    assert Settings.read().values()[variable.lower()] == meant


def test_an_empty_value_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings.read().values()
    for name in sorted(set(Settings.settings()) - {"quiet_hours"}):
        with monkeypatch.context() as environment:
            environment.setenv(name.upper(), "")
            assert Settings.read().values()[name] == defaults[name], name


def test_an_empty_value_that_has_a_meaning_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUIET_HOURS", "TTS_FALLBACK", "TTS_PRESET"):
        monkeypatch.setenv(name, "")
    assert Settings.read().autonomous.quiet_hours == ""
    assert (SpeechSettings.read().tts_fallback, SpeechSettings.read().tts_preset) == ((), None)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("load", [load_settings, SpeechSettings.read])
def test_a_file_in_another_encoding_is_reported_in_one_clear_sentence(tmp_path: Path, encoding: str, load: Any) -> None:
    (tmp_path / ".env").write_bytes("PERSONA=seiyuu\n# für mich\n".encode(encoding))
    with pytest.raises(SettingsError) as caught:
        load()
    said = str(caught.value)
    assert said.startswith(".env")
    assert "UTF-8" in said
    assert "\n" not in said
    assert encoding != "latin-1" or "line 2" in said


@pytest.mark.parametrize("variable", sorted(SECRETS))
def test_a_secret_is_not_shown_in_an_error(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_TEMPERATURE", "9")
    assert "hunter2" not in complaint(variable, "hunter2", monkeypatch)
