"""Missing or wrong weights get a clear error, even without XTTS's libraries."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from config.speech_settings import Precision
from config.types import Device
from tests.tts_server.profile_list import ProfileList
from tts_server.engines.base import EngineError
from tts_server.engines.xtts.checkpoint import read_checkpoint
from tts_server.engines.xtts.engine import XttsEngine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"model": "xtts", "languages": ["en", "de"], "audio": {"output_sample_rate": 24_000}})
    (tmp_path / "vocab.json").write_text("{}")
    save_weights(tmp_path, b"these are weights")
    return tmp_path


def write(folder: Path, config: object) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def save_weights(folder: Path, content: bytes) -> None:
    with zipfile.ZipFile(folder / "model.pth", "w") as archive:
        archive.writestr("archive/data/0", content)


def test_the_languages_and_the_sample_rate_are_read_from_the_folder_of_the_model(folder: Path) -> None:
    checkpoint = read_checkpoint(folder)
    assert (checkpoint.sample_rate, checkpoint.languages) == (24_000, ("en", "de"))


def test_other_weights_have_another_digest(folder: Path) -> None:
    before = read_checkpoint(folder).digest
    assert read_checkpoint(folder).digest == before
    save_weights(folder, b"those are weights")
    assert read_checkpoint(folder).digest != before


@pytest.mark.parametrize("name", ["config.json", "model.pth", "vocab.json"])
def test_the_error_for_missing_weights_says_how_to_get_them_and_names_their_licence(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EngineError, match=rf"{name} missing.*python -m bot models download.*forbids commercial use"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    "config",
    [
        None,
        [],
        {"model": "vits"},
        {"model": "xtts", "languages": "en"},
        {"model": "xtts", "languages": []},
        {"model": "xtts", "languages": [7]},
        {"model": "xtts", "audio": {"output_sample_rate": "high"}},
        {"model": "xtts", "audio": {"output_sample_rate": 10**9}},
    ],
)
def test_a_nonsensical_configuration_is_refused(folder: Path, config: object) -> None:
    write(folder, config)
    with pytest.raises(EngineError, match=r"config\.json"):
        read_checkpoint(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}" * 1000])
def test_weights_that_are_not_an_archive_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.pth").write_bytes(content)
    with pytest.raises(EngineError, match=r"model\.pth is damaged.*download it again"):
        read_checkpoint(folder)


def test_an_engine_can_be_created_without_weights_and_reports_this_when_loading(tmp_path: Path) -> None:
    engine = XttsEngine(tmp_path / "none", ProfileList(), Device.AUTO, Precision.AUTO, False, tmp_path / "cache")
    assert engine.resolve(None, "fr").language == "fr"
    with pytest.raises(EngineError, match="models download"):
        engine.load(lambda progress: None)
    assert not engine.loaded
    engine.close()


def test_the_error_for_missing_libraries_names_the_command_to_type(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_server.engines.xtts.libraries.find_spec", lambda name: None)
    engine = XttsEngine(folder, ProfileList(), Device.AUTO, Precision.AUTO, False, folder / "cache")
    with pytest.raises(EngineError, match="type `make xtts`"):
        engine.load(lambda progress: None)
    engine.close()
