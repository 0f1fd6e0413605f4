"""Voices on the disk: created completely or not at all, and never outside their folder."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from audio.encoders import write_audio_file
from tests.tts_server.voices.sounds import seconds_of_speech
from tts_server.voices import library as library_module
from tts_server.voices.decoding import RATE
from tts_server.voices.library import LibraryFullError, VoiceExistsError, VoiceLibrary
from tts_server.voices.names import BadNameError
from tts_server.voices.profile import UnknownVoiceError
from tts_server.voices.reading import PreparedRecording
from tts_server.voices.voice_folder import MAX_RECORDINGS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "voices"


@pytest.fixture
def library(folder: Path) -> VoiceLibrary:
    return _loaded(folder)


def _loaded(folder: Path) -> VoiceLibrary:
    clock = count(1000.0)
    library = VoiceLibrary(folder, lambda: next(clock))
    library.load()
    return library


def _recordings(folder: Path, *seconds: float) -> list[PreparedRecording]:
    """New recordings outside the library."""
    made = []
    for number, length in enumerate(seconds):
        path = folder.parent / f"read-{number}.flac"
        write_audio_file(path, seconds_of_speech(length), RATE, "flac")
        made.append(PreparedRecording(path, length))
    return made


def _names(library: VoiceLibrary) -> Sequence[str]:
    return [profile.name for profile in library.all()]


def test_a_voice_is_stored(library: VoiceLibrary, folder: Path) -> None:
    record = library.create("Hatsune Miku", "ja", _recordings(folder, 7, 8))
    library.set_similarity("hatsune-miku", 0.87)
    again = _loaded(folder).record("hatsune-miku")
    assert again.profile == record.profile
    assert (again.profile.id, again.profile.name, again.profile.language) == ("hatsune-miku", "Hatsune Miku", "ja")
    assert (again.seconds, again.similarity) == ((7, 8), 0.87)
    assert all(path.is_file() and path.parent == folder / "hatsune-miku" for path in again.profile.recordings)
    assert not list(folder.parent.glob("read-*"))


def test_the_oldest_voice_comes_first(library: VoiceLibrary, folder: Path) -> None:
    for name in ("Zoe", "Ada", "みく"):
        library.create(name, "en", _recordings(folder, 7))
    assert _names(library) == _names(_loaded(folder)) == ["Zoe", "Ada", "みく"]


def test_two_voices_cannot_have_the_same_name(library: VoiceLibrary, folder: Path) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    with pytest.raises(VoiceExistsError, match="Ada"):
        library.create("aDA", "en", _recordings(folder, 7))
    with pytest.raises(VoiceExistsError):
        library.create("Plain", "en", _recordings(folder, 7), ["plain"])
    assert library.create("Ada!", "en", _recordings(folder, 7)).profile.id == "ada-2"


def test_the_digest_changes_with_the_recordings(library: VoiceLibrary, folder: Path) -> None:
    first = library.create("Ada", "en", _recordings(folder, 7)).profile.digest
    library.set_similarity("ada", 0.9)
    second = library.add_recordings("ada", _recordings(folder, 8))
    assert second.profile.digest != first
    assert second.similarity is None
    (folder / "ada" / "1.flac").write_bytes(b"changed by hand")
    assert _loaded(folder).record("ada").profile.digest not in (first, second.profile.digest)


def test_recordings_that_could_not_be_learned_are_removed_again(library: VoiceLibrary, folder: Path) -> None:
    before = library.create("Ada", "en", _recordings(folder, 7))
    library.add_recordings("ada", _recordings(folder, 8))
    library.restore(before)
    assert library.record("ada") == before == _loaded(folder).record("ada")
    assert sorted(path.name for path in (folder / "ada").iterdir()) == ["1.flac", "voice.json"]


def test_a_deleted_voice_is_gone(library: VoiceLibrary, folder: Path) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    library.delete("ada")
    assert library.get("ada") is None
    assert not list(folder.iterdir())
    with pytest.raises(UnknownVoiceError):
        library.delete("ada")


def test_a_voice_whose_folder_somebody_removed_can_be_deleted(library: VoiceLibrary, folder: Path) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    shutil.rmtree(folder / "ada")
    library.delete("ada")
    assert not library.all()


@pytest.mark.parametrize("voice", ["../read", "..", "/etc", "", ".", "ada/../ada"])
def test_no_id_leads_out_of_the_folder(library: VoiceLibrary, folder: Path, voice: str) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    outside = folder.parent / "read"
    outside.mkdir()
    assert library.get(voice) is None
    for change in (library.delete, library.record):
        with pytest.raises(UnknownVoiceError):
            change(voice)
    assert outside.exists()


def test_an_invalid_name_writes_nothing(library: VoiceLibrary, folder: Path) -> None:
    with pytest.raises(BadNameError):
        library.create("../evil", "en", _recordings(folder, 7))
    assert not list(folder.iterdir())
    assert sorted(path.name for path in folder.parent.iterdir()) == ["read-0.flac", "voices"]


def test_a_crash_while_a_voice_is_made_leaves_nothing(
    library: VoiceLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as crashing:
        crashing.setattr(library_module, "write_voice", crash)
        with pytest.raises(OSError, match="disk is full"):
            library.create("Ada", "en", _recordings(folder, 7))
    assert not library.all()
    assert not list(folder.iterdir())


def test_remains_of_a_crash_are_removed(folder: Path) -> None:
    left = folder / ".passing-abc" / "voice"
    left.mkdir(parents=True)
    (left / "1.flac").write_bytes(b"half")
    assert not _loaded(folder).all()
    assert not list(folder.iterdir())


def test_a_program_that_only_looks_at_the_voices_removes_nothing_of_the_running_server(
    library: VoiceLibrary, folder: Path
) -> None:
    with library.workspace() as uploads:
        (uploads / "upload-0").write_bytes(b"a recording")
        VoiceLibrary(folder, tidies=False).load()
        assert (uploads / "upload-0").read_bytes() == b"a recording"


@pytest.mark.parametrize(
    "description",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"name": "Ada"}',
        b"\xff\xfe",
        {"recordings": []},
        {"recordings": [{"file": "../../etc/passwd", "seconds": 7}]},
        {"recordings": [{"file": "2.flac", "seconds": 7}]},
        {"recordings": [{"file": "1.flac", "seconds": 7}] * (MAX_RECORDINGS + 1)},
        {"name": "../evil"},
        {"similarity": 9},
        {"language": "x"},
    ],
)
def test_a_broken_voice_is_left_out_with_one_line(
    library: VoiceLibrary, folder: Path, description: bytes | dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    library.create("Bob", "en", _recordings(folder, 7))
    file = folder / "ada" / "voice.json"
    whole = json.loads(file.read_text())
    file.write_bytes(description if isinstance(description, bytes) else json.dumps({**whole, **description}).encode())
    with caplog.at_level(logging.WARNING):
        assert _names(_loaded(folder)) == ["Bob"]
    assert [record.getMessage().startswith("The voice ada is left out: ") for record in caplog.records] == [True]
    # The damaged folder is left alone, and a new voice of that name gets another folder.
    again = _loaded(folder)
    assert again.create("Ada", "en", _recordings(folder, 7)).profile.id == "ada-2"


def test_links_are_not_followed(library: VoiceLibrary, folder: Path, tmp_path: Path) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    library.create("Bob", "en", _recordings(folder, 7))
    outside = tmp_path / "outside"
    shutil.copytree(folder / "ada", outside)
    (folder / "eve").symlink_to(outside, target_is_directory=True)
    (folder / "bob" / "1.flac").unlink()
    (folder / "bob" / "1.flac").symlink_to(outside / "1.flac")
    assert _names(_loaded(folder)) == ["Ada"]


def test_the_numbers_of_voices_and_recordings_are_limited(
    library: VoiceLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.create("Ada", "en", _recordings(folder, 7))
    with pytest.raises(LibraryFullError, match="at most"):
        library.add_recordings("ada", [PreparedRecording(folder / "never read", 7)] * MAX_RECORDINGS)
    monkeypatch.setattr(library_module, "MAX_VOICES", 1)
    with pytest.raises(LibraryFullError, match="delete one"):
        library.create("Bob", "en", _recordings(folder, 7))
    assert len(library.record("ada").profile.recordings) == 1
