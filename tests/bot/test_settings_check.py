"""Settings that name a missing file or folder: when the start accepts them, and when it reports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings_check import checked_settings
from config.errors import SettingsError

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.mark.parametrize(
    "variables",
    [
        {"TTS_ENGINE": "espeak"},
        {"TTS_ENGINE": "xtts", "TTS_FALLBACK": "piper,espeak"},
        {"TTS_WEBSOCKET_URL": "ws://127.0.0.1:9/ws/stream"},
    ],
    ids=["another engine", "a stand-in", "a server elsewhere"],
)
def test_a_missing_piper_voice_is_accepted_if_piper_is_not_the_engine(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPER_MODEL", "/nope")
    with pytest.raises(SettingsError, match="PIPER_MODEL=/nope is not here"):
        checked_settings()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    checked_settings()


def test_a_piper_voice_of_the_catalogue_may_still_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ENGINE", "piper")
    monkeypatch.setenv("PIPER_MODEL", "data/models/piper-joe")
    checked_settings()


@pytest.mark.parametrize("engine", [None, "kokoro"])
def test_wrong_weights_of_kokoro_are_reported_with_the_other_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str | None
) -> None:
    file = tmp_path / "hostname"
    file.write_text("here\n")
    monkeypatch.setenv("KOKORO_MODEL", str(file))
    monkeypatch.setenv("STT_THREADS", "many")
    if engine is not None:
        monkeypatch.setenv("TTS_ENGINE", engine)
    with pytest.raises(SettingsError) as caught:
        checked_settings()
    said = str(caught.value)
    assert f"KOKORO_MODEL={file} is a file and not a folder. Set KOKORO_MODEL to the folder with NAME.onnx" in said
    assert "STT_THREADS" in said
    assert "models download" not in said


def test_wrong_weights_of_kokoro_are_accepted_if_another_engine_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOKORO_MODEL", "/nope")
    monkeypatch.setenv("TTS_ENGINE", "espeak")
    checked_settings()


def test_two_folders_that_can_not_be_written_to_are_both_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for name in ("DATA_DIR", "CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "file" / name.lower()))
    with pytest.raises(SettingsError) as caught:
        checked_settings()
    said = str(caught.value)
    assert f"DATA_DIR={tmp_path}/file/data_dir can't be written to" in said
    assert f"CACHE_DIR={tmp_path}/file/cache_dir can't be written to" in said
