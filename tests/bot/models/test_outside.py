"""Weights outside of the catalogue: where they are, or how to get them."""

from __future__ import annotations

from pathlib import Path

import pytest
from faster_whisper.utils import _MODELS as FASTER_WHISPERS
from huggingface_hub import constants

from bot.missing_parts import missing_parts
from bot.models.command import run_models
from bot.models.outside import WHISPERS, hub_repository
from config.settings import Settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the tests in a folder without ``.env``, and with empty caches of the bot and of the hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def models(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> ModelsCommand:
    return ModelsCommand(capsys, monkeypatch)


class ModelsCommand:
    """Runs the ``models`` command with given settings. Returns its exit status and its output."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, action: str, **settings: str) -> tuple[int, str]:
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)
        status = run_models(action.split())
        return status, self._capsys.readouterr().out


def test_the_names_of_recognisers_are_those_of_faster_whisper() -> None:
    assert dict(WHISPERS) == FASTER_WHISPERS


@pytest.mark.parametrize("action", ["download", "download --yes", "check", "repair"])
@pytest.mark.parametrize("model", ["tiny.en", "large-v3", "somebody/whisper-of-theirs"])
def test_for_a_recogniser_outside_the_catalogue_the_command_that_gets_it_is_named(
    models: ModelsCommand, action: str, model: str
) -> None:
    status, words = models.run(action, STT_MODEL=model)
    assert status == 1
    assert f"✘ STT_MODEL={model} is not here." in words
    assert f"type `.venv/bin/hf download {hub_repository(model)}`" in words
    assert "a model that `.venv/bin/python -m bot models` lists" in words
    assert "nothing to download" not in words
    assert "Nothing is broken" not in words


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"STT_MODEL": "/srv/whisper"}, "STT_MODEL=/srv/whisper is not here. Set STT_MODEL to the folder it is in"),
        ({"LLM_MODEL": "/srv/my-7b.gguf"}, "LLM_MODEL=/srv/my-7b.gguf: there is no such file."),
        ({"LLM_MODEL": "llama3.1"}, "LLM_MODEL=llama3.1 is neither a GGUF file nor a model of"),
        ({"LLM_MODEL": "whisper-small"}, "LLM_MODEL=whisper-small is neither a GGUF file nor a model of"),
        ({"TTS_ENGINE": "xtts", "XTTS_MODEL": "/srv/xtts"}, "XTTS_MODEL=/srv/xtts is not here."),
        ({"TTS_ENGINE": "piper", "PIPER_MODEL": "/srv/joe.onnx"}, "PIPER_MODEL=/srv/joe.onnx is not here."),
        ({"PIPER_MODEL": "/srv/joe.onnx"}, "PIPER_MODEL=/srv/joe.onnx is not here."),
        ({"TTS_ENGINE": "kokoro", "KOKORO_MODEL": "/srv/kokoro"}, "KOKORO_MODEL=/srv/kokoro is not here."),
    ],
)
def test_the_check_fails_if_the_weights_that_a_setting_names_are_missing(
    models: ModelsCommand, settings: dict[str, str], told: str
) -> None:
    status, words = models.run("check", **settings)
    assert status == 1
    assert f"✘ {told}" in words


@pytest.mark.parametrize(
    "settings",
    [
        {"STT_MODEL": "tiny.en", "STT_URL": "http://127.0.0.1:9/v1"},
        {"LLM_MODEL": "llama3.1", "LLM_URL": "http://127.0.0.1:9/v1"},
        {"TTS_ENGINE": "xtts", "XTTS_MODEL": "/x", "TTS_WEBSOCKET_URL": "ws://127.0.0.1:9/ws/stream"},
        {"TTS_ENGINE": "espeak", "XTTS_MODEL": "/x", "PIPER_MODEL": "/x.onnx", "KOKORO_MODEL": "/x"},
    ],
)
def test_weights_that_a_server_has_or_that_nobody_uses_are_not_checked(
    models: ModelsCommand, settings: dict[str, str]
) -> None:
    assert models.run("check", **settings)[0] == 0


def test_an_own_folder_is_listed_but_not_checked(models: ModelsCommand, tmp_path: Path) -> None:
    (tmp_path / "whisper").mkdir()
    status, words = models.run("check", STT_MODEL="./whisper")
    assert status == 0
    assert "– STT_MODEL=./whisper: stored in ./whisper, and is not checked" in words
    assert "● STT_MODEL=./whisper: a model of your own, for the ears (speech recognition)" in models.run("list")[1]
    assert "Everything is here already." in models.run("download")[1]


def test_weights_in_the_cache_of_the_hub_are_found_there(models: ModelsCommand, tmp_path: Path) -> None:
    entry = tmp_path / "hub" / "models--Systran--faster-whisper-tiny.en"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("0123")
    (entry / "snapshots" / "0123").mkdir(parents=True)
    (entry / "snapshots" / "0123" / "model.bin").write_bytes(b"model")
    status, words = models.run("check", STT_MODEL="tiny.en")
    assert status == 0
    assert f"– STT_MODEL=tiny.en: stored in {entry}" in words


def test_a_start_reports_missing_weights_too(tmp_path: Path) -> None:
    (told,) = missing_parts(Settings.read(stt_model="tiny.en", data_dir=tmp_path, cache_dir=tmp_path))
    assert told.startswith("⚠️ STT_MODEL=tiny.en is not here. To get it")
    assert told.endswith("Without it I can't understand speech.")


@pytest.mark.parametrize(
    ("asked", "repository"),
    [
        ("tiny.en", "Systran/faster-whisper-tiny.en"),
        ("somebody/theirs", "somebody/theirs"),
        ("smal", None),
        ("./somewhere", None),
        ("~/whisper", None),
        ("/srv/whisper", None),
        ("data/models/x", None),
        ("", None),
    ],
)
def test_names_of_faster_whisper_and_of_the_hub_are_distinguished_from_paths(
    asked: str, repository: str | None
) -> None:
    assert hub_repository(asked) == repository
