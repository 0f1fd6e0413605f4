"""Tests of the text helpers: they cut long texts at natural places, find phrases, and choose the plural."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import counted, has_phrase, mentions, rest_after, rest_before, split_message


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


@pytest.mark.parametrize(
    ("text", "phrase", "after"),
    [
        ("stop it now", "stop it", "now"),
        ("stop", "stop", ""),
        ("stop", "", "stop"),
        ("stopping now", "stop", None),
        ("now stop", "stop", None),
        ("", "stop", None),
        ("停下来", "停下", "来"),
        ("停下 now", "停下", "now"),
        ("停下now", "停下", "now"),
        ("stop吧", "stop", "吧"),
        ("字幕byadmin", "字幕by", None),
    ],
)
def test_a_phrase_at_either_end_is_found_at_whole_words_and_anywhere_in_scripts_without_spaces(
    text: str, phrase: str, after: str | None
) -> None:
    assert rest_after(text, phrase) == after
    assert rest_before(text[::-1], phrase[::-1]) == (None if after is None else after[::-1])


def test_a_phrase_inside_is_found_at_whole_words_and_anywhere_in_scripts_without_spaces() -> None:
    assert has_phrase("please stop it now", "stop it")
    assert not has_phrase("nonstop items", "stop it")
    assert has_phrase("请停下来", "停下")


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("That is Ada's key.", "Ada", True),
        ("Das ist Adas Schlüssel.", "Ada", True),
        ("Ask ADA, please!", "Ada", True),
        ("The armada of Adam", "Ada", False),
        ("Ada Lovelace is here", "ada lovelace", True),
        ("アダさん、こんにちは", "アダ", True),
        ("Adaさん、こんにちは", "Ada", True),
        ("Anything", "?!", False),
    ],
)
def test_a_name_is_found_in_a_text_in_the_genitive_too(text: str, name: str, found: bool) -> None:
    assert mentions(text, name) is found


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1200, "1,200 files")])
def test_a_number_of_things_has_the_right_plural(number: int, text: str) -> None:
    assert counted(number, "file") == text
