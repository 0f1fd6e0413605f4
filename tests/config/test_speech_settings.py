"""Tests of the speech server's settings: rules for single settings and for pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.speech_settings import SpeechSettings

SECRET = "correct horse"


@pytest.mark.parametrize(
    ("setting", "token", "said"),
    [
        ("*", None, "TTS_TOKEN"),
        ("http://a.example,*", None, "TTS_TOKEN"),
        ("chat.example", None, "is not an origin"),
        ("http://a.example/page", None, "is not an origin"),
        ("ftp://a.example", None, "is not an origin"),
        ("http://a.example:port", None, "'http://a.example:port' is not an origin"),
        ("http://a.example:99999", None, "'http://a.example:99999' is not an origin"),
        ("http://[a", None, "'http://[a' is not an origin"),
        (20_000 * "a", None, "…' is not an origin"),
    ],
)
def test_unusable_origins_are_reported_at_the_start(
    setting: str, token: str | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="TTS_ALLOWED_ORIGINS") as caught:
        SpeechSettings.read(tts_allowed_origins=setting, tts_token=token)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


def test_origins_are_written_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTS_ALLOWED_ORIGINS", "HTTP://Chat.example:8000/, https://b.example:443 ,")
    assert SpeechSettings.read().tts_allowed_origins == ("http://chat.example:8000", "https://b.example")
    assert SpeechSettings.read(tts_allowed_origins="*", tts_token=SECRET).tts_allowed_origins == ("*",)


def test_the_error_for_a_value_from_elsewhere_names_no_line_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TTS_STAND_IN_RTF=0.5\n")
    with pytest.raises(SettingsError, match=r"^TTS_STAND_IN_RTF: '500' is not valid"):
        SpeechSettings.read(tts_stand_in_rtf="500")
