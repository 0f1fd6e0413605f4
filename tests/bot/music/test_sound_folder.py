"""The folder of sounds: names that people give, and what is written and deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.music import sound_folder
from bot.music.sound_folder import MAX_NAME, UNFINISHED, SoundFolder, sound_ending, sound_name
from bot.user_error import UserError
from tests.bot.music.pieces import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sounds = tmp_path / "sounds"
    for name in ("Air Horn.mp3", "Air Raid.ogg", "drums/Drum_Roll.wav"):
        write(sounds / name, b"x")
    return sounds


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("horn", "horn"),
        ("  air \n horn ", "air horn"),
        ("Für Elise 2", "Für Elise 2"),
        ("Fu\u0308r", "Für"),
        ("it's a-b_c", "it's a-b_c"),
        ("太鼓", "太鼓"),
        ("additional", "additional"),
        ("x" * MAX_NAME, "x" * MAX_NAME),
    ],
)
def test_a_name_for_a_sound_is_tidied(typed: str, name: str) -> None:
    assert sound_name(typed) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "..", "../horn", "/etc/passwd", "a/b", "a\\b", ".hidden", "horn.mp3", "-x", "_x", "a\0b"),
        *("~", "*", "a:b", "<@1>", "`a`", "a\u202eb", "x" * (MAX_NAME + 1)),
    ],
)
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="A sound's name has at most 32 letters"):
        sound_name(name)


@pytest.mark.parametrize("name", ["add", "list", "Remove", "stop it", "PLAY"])
def test_a_name_that_would_be_taken_for_a_command_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="can't begin with the word"):
        sound_name(name)


def test_only_sound_files_have_an_ending_that_is_kept() -> None:
    assert sound_ending("Horn.MP3") == ".mp3"
    for name in ("horn", "horn.exe", "horn.mp3.sh", ".mp3", "a/b.m3u8"):
        with pytest.raises(UserError, match="is not a sound file that I can keep"):
            sound_ending(name)


def test_a_sound_that_is_added_is_there_as_a_whole_and_can_be_removed(tmp_path: Path) -> None:
    folder = SoundFolder(tmp_path / "new" / "sounds")
    assert folder.sounds() == []
    folder.add("horn", ".wav", b"sound")
    assert [path.name for path in (tmp_path / "new" / "sounds").iterdir()] == ["horn.wav"]
    assert folder.find("horn").path.read_bytes() == b"sound"
    assert folder.remove("HORN") == "horn"
    assert folder.sounds() == []


def test_what_an_earlier_upload_left_is_no_sound_and_no_hindrance(folder: Path) -> None:
    write(folder / UNFINISHED, b"half")
    sounds = SoundFolder(folder)
    assert len(sounds.sounds()) == 3
    sounds.add("new", ".wav", b"whole")
    assert sounds.find("new").path.read_bytes() == b"whole"
    assert not (folder / UNFINISHED).exists()


def test_no_sound_is_overwritten(folder: Path) -> None:
    with pytest.raises(UserError, match="There is a sound air horn already"):
        SoundFolder(folder).add("air horn", ".wav", b"y")
    with pytest.raises(UserError, match=r"drum\\_roll already"):
        SoundFolder(folder).add("drum_roll", ".wav", b"y")
    assert (folder / "Air Horn.mp3").read_bytes() == b"x"
    assert len(SoundFolder(folder).sounds()) == 3


def test_people_add_no_more_than_a_bounded_number_of_sounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_folder, "MAX_SOUNDS", 3)
    with pytest.raises(UserError, match="sounds already"):
        SoundFolder(folder).add("new", ".wav", b"y")


def test_only_a_whole_name_removes_a_sound(folder: Path) -> None:
    sounds = SoundFolder(folder)
    with pytest.raises(UserError, match=r"Did you mean Air Horn\? Say its whole name"):
        sounds.remove("horn")
    with pytest.raises(UserError, match="Which one: Air Horn, Air Raid"):
        sounds.remove("air")
    with pytest.raises(UserError, match="no sound of that name"):
        sounds.remove("../sounds/Air Horn.mp3")
    assert len(sounds.sounds()) == 3


def test_an_unknown_name_is_answered_with_names_that_are_near(folder: Path) -> None:
    with pytest.raises(UserError, match=r"I have no sound of that name\. Did you mean Air Horn\?"):
        SoundFolder(folder).find("ar horn")
    with pytest.raises(UserError, match=r"I have no sound of that name\.$"):
        SoundFolder(folder).find("xylophone")


@pytest.mark.parametrize("act", ["add", "remove"])
def test_a_folder_that_can_not_be_written_is_reported(folder: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open" if act == "add" else "unlink", refuse)
    sounds = SoundFolder(folder)
    with pytest.raises(UserError, match="I can't change the folder of sounds: Permission denied"):
        sounds.add("new", ".wav", b"y") if act == "add" else sounds.remove("air horn")
    assert len(sounds.sounds()) == 3


def test_a_full_disk_leaves_nothing_of_a_sound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="No space left on device"):
        SoundFolder(folder).add("new", ".wav", b"y")
    assert sorted(path.name for path in folder.iterdir()) == ["Air Horn.mp3", "Air Raid.ogg", "drums"]
