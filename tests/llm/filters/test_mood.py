"""Marks of moods at the head of a reply are taken out wherever they are cut. Text that only looks like a mark stays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.filters.mood import MAX_NAME, MoodFilter, mark_of
from bot.llm.personas import PERSONAS_DIR, load_persona

LONG = "x" * (MAX_NAME + 1)
MARKED = [
    ("[mood: sad] Oh dear.", "sad", "Oh dear."),
    ("[mood:sad]Oh dear.", "sad", "Oh dear."),
    (" \n[MOOD : Very Sad ]\n\n Oh dear. ", "Very Sad", "Oh dear. "),
    ("［mood：sad］悲しい", "sad", "悲しい"),
    ("[mood: sad] [mood: happy]\nOh dear.", "sad", "Oh dear."),
    ("[mood: nobody knows it] Oh.", "nobody knows it", "Oh."),
    ("[mood: sad][silence]", "sad", "[silence]"),
    ("[mood: sad]", "sad", ""),
]
UNMARKED = [
    "Oh dear. [mood: sad] Oh.",
    "[moody] Oh.",
    "[mood] Oh.",
    "[mood:] Oh.",
    "[mood: [sad]] Oh.",
    "[mood: sad\n] Oh.",
    f"[mood: {LONG}] Oh.",
    "[mood: sad",
    "[",
    "[m",
    "[1] is a source.",
    "",
]


def through(pieces: list[str]) -> tuple[str, str | None]:
    each = MoodFilter()
    said = [text for piece in pieces for text in each.feed(piece)]
    return "".join([*said, *each.finish()]), each.mood


def cut(text: str, *places: int) -> list[str]:
    return [text[start:end] for start, end in pairwise((0, *sorted(places), len(text)))]


@pytest.mark.parametrize(("text", "mood", "left"), MARKED)
def test_a_mark_is_taken_out_wherever_it_is_cut(text: str, mood: str, left: str) -> None:
    assert through(list(text)) == (left, mood)
    for place in range(len(text) + 1):
        assert through(cut(text, place)) == (left, mood)


@pytest.mark.parametrize("text", UNMARKED)
def test_text_that_only_looks_like_a_mark_stays_whole(text: str) -> None:
    assert through(list(text)) == (text, None)
    for place in range(len(text) + 1):
        assert through(cut(text, place)) == (text, None)


@given(st.lists(st.sampled_from(["[", "]", "mood", ":", " ", "\n", "sad", "Oh", "[mood: sad]", "x" * 30])), st.data())
def test_nothing_depends_on_the_cuts_and_little_is_withheld(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=4))
    assert through(cut(text, *places)) == through([text])
    each, length, came = MoodFilter(), 0, ""
    for character in text:
        came += "".join(each.feed(character))
        length = 0 if not each.holds else length + 1
        assert length <= MAX_NAME + 20
    assert text.endswith(came + "".join(each.finish()))


@pytest.mark.parametrize("word", ["[a", "[moods", "[mood x", "[mood: a\n", "(mood: sad)", "Hello"])
def test_text_waits_only_as_long_as_it_may_be_a_mark(word: str) -> None:
    each = MoodFilter()
    assert "".join(text for character in word for text in each.feed(character)) == word
    assert not each.holds


@pytest.mark.parametrize("file", sorted(path.stem for path in PERSONAS_DIR.glob("*.yaml")))
def test_every_mood_of_our_personas_can_be_named(file: str) -> None:
    for mood in load_persona(file).moods:
        assert through([f"{mark_of(mood)} Oh."]) == ("Oh.", mood)


@pytest.mark.parametrize("name", [LONG, "a]b", "a\nb", "", " sad"])
def test_a_mood_whose_name_fits_no_mark_has_no_mark(name: str) -> None:
    assert mark_of(name) is None
