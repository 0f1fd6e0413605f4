"""Tests of what the doctor and a start say of the folders with music and sounds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from bot.doctor.music import check_music, check_sounds
from bot.settings_check import setting_notices
from config.settings import Settings
from tests.bot.music.pieces import wav, write

pytestmark = pytest.mark.usefixtures("clean_environment")


async def test_folders_with_sound_files_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "album" / "a.wav", wav(0.1, 0.1))
    write(tmp_path / "b.WAV", wav(0.1, 0.1))
    write(tmp_path / "cover.jpg", b"x")
    settings = Settings.read(music_dir=tmp_path, sounds_dir=tmp_path)
    music, sounds = await check_music(settings), await check_sounds(settings)
    assert (music.good, music.text) == (True, f"pieces of music in {tmp_path}: 2")
    assert (sounds.good, sounds.text) == (True, f"sounds in {tmp_path}: 2")
    assert setting_notices(settings) == []


async def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    settings = Settings.read(music_dir=tmp_path / "musik", sounds_dir=tmp_path / "sounds")
    music, sounds = await check_music(settings), await check_sounds(settings)
    assert (music.good, music.text) == (False, f"MUSIC_DIR: there is no folder {tmp_path / 'musik'}")
    assert sounds.good is None
    assert "is made when somebody adds a sound" in sounds.text
    (notice,) = setting_notices(settings)
    assert f"MUSIC_DIR: there is no folder {tmp_path / 'musik'}." in notice


async def test_a_file_in_the_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    file = write(tmp_path / "song.wav", wav(0.1, 0.1))
    settings = Settings.read(music_dir=file, sounds_dir=file)
    for variable, result in (("MUSIC_DIR", await check_music(settings)), ("SOUNDS_DIR", await check_sounds(settings))):
        assert (result.good, result.text) == (False, f"{variable}: {file} is a file, not a folder")
    notices = setting_notices(settings)
    assert [notice.partition(":")[0] for notice in notices] == ["MUSIC_DIR", "SOUNDS_DIR"]


async def test_of_a_folder_without_sound_files_the_doctor_says_which_files_it_may_have(tmp_path: Path) -> None:
    write(tmp_path / "song.wma", b"x")
    settings = Settings.read(music_dir=tmp_path, sounds_dir=tmp_path)
    for result in (await check_music(settings), await check_sounds(settings)):
        assert result.good is None
        assert f"there is no sound file in {tmp_path}" in result.text
        assert ".mp3" in result.text


async def test_a_folder_that_may_not_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object = ".") -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    settings = Settings.read(music_dir=tmp_path, sounds_dir=tmp_path)
    monkeypatch.setattr(os, "scandir", refuse)
    for result in (await check_music(settings), await check_sounds(settings)):
        assert result.good is False
        assert f"{tmp_path} can't be read: Permission denied" in result.text


async def test_folders_that_are_not_set_are_no_fault() -> None:
    for result in (await check_music(Settings.read()), await check_sounds(Settings.read())):
        assert result.good is None
        assert "_DIR is not set" in result.text
