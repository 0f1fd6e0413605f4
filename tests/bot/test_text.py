"""Tests of the text helpers: long texts are cut at natural places, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.text import split_message


@given(st.text(max_size=600), st.integers(10, 80))
def test_no_part_is_too_long_and_every_word_is_there(text: str, limit: int) -> None:
    parts = split_message(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_cut_at_a_paragraph_then_a_sentence_then_a_word() -> None:
    assert split_message("one two three\n\nfour five six seven", 24) == ["one two three", "four five six seven"]
    assert split_message("One two three. Four five six", 20) == ["One two three.", "Four five six"]
    assert split_message("one two three four", 10) == ["one two", "three four"]


def test_a_text_without_a_good_place_to_cut_is_cut_anyway() -> None:
    assert split_message("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
