"""The operator's music: what is in the folder is found by name, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.music.library import MusicLibrary, NotFoundInLibraryError, suggested_titles


@pytest.fixture
def library(tmp_path: Path) -> MusicLibrary:
    folder = tmp_path / "music"
    for name in ("Blue Danube.mp3", "Blue Moon.ogg", "old/Für Elise.wav", "notes.txt", "cover.png", "list.m3u8"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (tmp_path / "secret.mp3").touch()
    (folder / "link.mp3").symlink_to(tmp_path / "secret.mp3")
    return MusicLibrary(folder)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Blue Danube", "Blue Danube"),
        ("blue moon.ogg", "Blue Moon"),
        ("  danube ", "Blue Danube"),
        ("elise für", "Für Elise"),
        ("MOON BLUE", "Blue Moon"),
        ("bluemoon", "Blue Moon"),
        ("blue-moon!", "Blue Moon"),
    ],
)
def test_a_piece_is_found_by_its_name_or_by_words_of_it(library: MusicLibrary, name: str, title: str) -> None:
    assert library.find(name).title == title


def test_only_sound_files_of_the_folder_are_pieces(library: MusicLibrary) -> None:
    assert [piece.title for piece in library.pieces()] == ["Blue Danube", "Blue Moon", "Für Elise"]


@pytest.mark.parametrize(
    "name",
    [
        *("../secret", "../secret.mp3", "/etc/passwd", "link", "old/../../secret.mp3", "notes", "list.m3u8", "", "*"),
        *("secret.mp3\0", "http://127.0.0.1/secret.mp3", "concat:secret.mp3", "file:../secret.mp3"),
    ],
)
def test_no_name_leads_out_of_the_folder(library: MusicLibrary, name: str) -> None:
    with pytest.raises(NotFoundInLibraryError, match="no music of that name"):
        library.find(name)


def test_of_several_pieces_people_are_asked_which(library: MusicLibrary) -> None:
    with pytest.raises(NotFoundInLibraryError, match="Which one: Blue Danube, Blue Moon"):
        library.find("blue")


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert MusicLibrary(tmp_path / "nowhere").pieces() == []


def test_titles_that_discord_would_not_take_are_not_suggested_and_are_cleaned_in_questions(tmp_path: Path) -> None:
    for name in (b"horn caf\xe9.mp3", b"horn \n\x1b[1m.mp3", b" .mp3", b"horn one.mp3"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    library = MusicLibrary(tmp_path)
    assert suggested_titles(library.search(""), 25) == ["horn one"]
    with pytest.raises(NotFoundInLibraryError) as asked:
        library.find("horn")
    assert str(asked.value) == "❓ Which one: horn [1m, horn caf, horn one?"
    with pytest.raises(NotFoundInLibraryError) as unknown:
        library.find("hrn caf")
    assert str(unknown.value).isprintable()
