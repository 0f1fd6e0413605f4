"""Titles of music are found as people say them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.music.library import MusicLibrary
from bot.music.titles import TitleIndex
from tests.bot.music.pieces import write


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Blue Danube", "blue danube"),
        ("Blue Danube", "bluedanube"),
        ("03 - Blue Danube", "blue danube"),
        ("03 - Blue Danube", "03 blue danube"),
        ("Strauss - Blue Danube", "blue danube"),
        ("07. Strauss – Blue Danube", "strauss blue danube"),
        ("99 Luftballons", "99 luftballons"),
        ("Don't Stop", "dont stop"),
        ("4'33", "4 33"),
        ("さくら さくら", "さくらさくら"),
    ],
)
def test_a_title_is_found_as_it_is_said(title: str, said: str) -> None:
    assert TitleIndex.of([title]).exact(said) == title


def test_a_whole_title_comes_before_a_part_of_another_and_a_part_of_two_titles_finds_none() -> None:
    index = TitleIndex.of(["Strauss - Waltz", "Waltz", "A - March", "B - March", "!!!", ""])
    assert index.exact("waltz") == "Waltz"
    assert index.exact("strauss waltz") == "Strauss - Waltz"
    assert index.exact("march") == ""
    assert index.exact("") == index.exact("!!!") == ""
    assert index.only("march") == index.only("") == ""
    assert index.only("a march") == "A - March"
    assert index.only("marc") == "", "only whole words count"


def test_the_index_has_the_titles_that_were_there_at_the_last_look_into_the_folder(tmp_path: Path) -> None:
    library = MusicLibrary(tmp_path)
    write(tmp_path / "Red River.ogg", b"")
    assert library.index.exact("red river") == ""
    library.search("")
    assert library.index.exact("red river") == "Red River"
    (tmp_path / "Red River.ogg").unlink()
    library.pieces()
    assert library.index.exact("red river") == ""
