"""The folder of sounds: names that people give, and what is written and deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.music import sound_folder
from bot.music.sound_folder import MAX_NAME, UNFINISHED, SoundFolder, sound_ending, sound_name
from bot.user_error import UserError
from tests.bot.music.pieces import write

HERE, THERE = 60, 61
"""The ids of two servers."""


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
    assert folder.sounds(HERE) == []
    folder.add("horn", ".wav", b"sound", HERE)
    assert [path.name for path in (tmp_path / "new" / "sounds" / "servers" / "60").iterdir()] == ["horn.wav"]
    assert folder.find("horn", HERE).path.read_bytes() == b"sound"
    assert folder.remove("HORN", HERE, owner=False) == "horn"
    assert folder.sounds(HERE) == []


def test_an_unfinished_upload_is_no_sound_and_does_not_hinder_a_later_one(folder: Path) -> None:
    unfinished = write(folder / "servers" / str(HERE) / UNFINISHED, b"half")
    sounds = SoundFolder(folder)
    assert len(sounds.sounds(HERE)) == 3
    sounds.add("new", ".wav", b"whole", HERE)
    assert sounds.find("new", HERE).path.read_bytes() == b"whole"
    assert not unfinished.exists()


def test_no_sound_is_overwritten(folder: Path) -> None:
    with pytest.raises(UserError, match="There is a sound air horn already"):
        SoundFolder(folder).add("air horn", ".wav", b"y", HERE)
    with pytest.raises(UserError, match=r"drum\\_roll already"):
        SoundFolder(folder).add("drum_roll", ".wav", b"y", HERE)
    assert (folder / "Air Horn.mp3").read_bytes() == b"x"
    assert len(SoundFolder(folder).sounds(HERE)) == 3


def test_the_number_and_the_size_of_the_sounds_that_people_add_are_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_folder, "MAX_SOUNDS", 2)
    monkeypatch.setattr(sound_folder, "MAX_SERVER_MB", 1)
    sounds = SoundFolder(folder)
    sounds.add("one", ".wav", bytes(1024**2 - 1), HERE)
    with pytest.raises(UserError, match="would be larger than 100 MB together"):
        sounds.add("two", ".wav", b"yy", HERE)
    sounds.add("two", ".wav", b"y", HERE)
    with pytest.raises(UserError, match="sounds of its own already"):
        sounds.add("three", ".wav", b"", HERE)
    sounds.add("three", ".wav", b"y", THERE)


def test_only_a_whole_name_removes_a_sound(folder: Path) -> None:
    sounds = SoundFolder(folder)
    with pytest.raises(UserError, match=r"Did you mean Air Horn\? Say its whole name"):
        sounds.remove("horn", HERE, owner=True)
    with pytest.raises(UserError, match="Which one: Air Horn, Air Raid"):
        sounds.remove("air", HERE, owner=True)
    with pytest.raises(UserError, match="no sound of that name"):
        sounds.remove("../sounds/Air Horn.mp3", HERE, owner=True)
    assert len(sounds.sounds(HERE)) == 3


def test_an_unknown_name_is_answered_with_names_that_are_near(folder: Path) -> None:
    with pytest.raises(UserError, match=r"I have no sound of that name\. Did you mean Air Horn\?"):
        SoundFolder(folder).find("ar horn", HERE)
    with pytest.raises(UserError, match=r"I have no sound of that name\.$"):
        SoundFolder(folder).find("xylophone", HERE)


@pytest.mark.parametrize("act", ["add", "remove"])
def test_a_folder_that_can_not_be_written_is_reported(folder: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open" if act == "add" else "unlink", refuse)
    sounds = SoundFolder(folder)
    with pytest.raises(UserError, match="I can't change the folder of sounds: Permission denied"):
        sounds.add("new", ".wav", b"y", HERE) if act == "add" else sounds.remove("air horn", HERE, owner=True)
    assert len(sounds.sounds(HERE)) == 3


def test_a_full_disk_leaves_nothing_of_a_sound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="No space left on device"):
        SoundFolder(folder).add("new", ".wav", b"y", HERE)
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert left == {"Air Horn.mp3", "Air Raid.ogg", "drums", "drums/Drum_Roll.wav", "servers", "servers/60"}


def test_a_sound_belongs_to_the_server_where_it_was_added(folder: Path) -> None:
    sounds = SoundFolder(folder)
    sounds.add("tada", ".wav", b"here", HERE)
    sounds.add("tada", ".mp3", b"there", THERE)
    assert sounds.find("tada", HERE).path.read_bytes() == b"here"
    assert sounds.find("tada", THERE).path.read_bytes() == b"there"
    assert [each.title for each in sounds.sounds(THERE)] == ["Air Horn", "Air Raid", "Drum_Roll", "tada"]
    assert [each.title for each in sounds.sounds(0)] == ["Air Horn", "Air Raid", "Drum_Roll"], (
        "the page has no sounds of its own"
    )
    sounds.add("only here", ".wav", b"x", HERE)
    with pytest.raises(UserError, match="no sound of that name"):
        sounds.remove("only here", THERE, owner=True)
    sounds.remove("tada", THERE, owner=False)
    assert sounds.find("tada", HERE).path.read_bytes() == b"here"


def test_only_owners_delete_what_is_for_all_servers(folder: Path) -> None:
    sounds = SoundFolder(folder)
    sounds.add("air tada", ".wav", b"x", HERE)
    with pytest.raises(UserError, match="🔒 Air Horn is for all my servers"):
        sounds.remove("air horn", HERE, owner=False)
    assert [each.title for each in sounds.removable("air", HERE, owner=False)] == ["air tada"]
    assert [each.title for each in sounds.removable("air", HERE, owner=True)] == ["Air Horn", "Air Raid", "air tada"]
    assert sounds.remove("air horn", HERE, owner=True) == "Air Horn"
    assert not (folder / "Air Horn.mp3").exists()


def test_sounds_in_an_operators_folder_are_for_all_servers_even_if_its_name_looks_like_that_of_a_servers_folder(
    folder: Path,
) -> None:
    for name in ("servers/general/bell.wav", "drums/61/snare.wav", "servers/gong.wav"):
        write(folder / name, b"x")
    assert {"bell", "snare", "gong"} < {each.title for each in SoundFolder(folder).sounds(HERE)}
