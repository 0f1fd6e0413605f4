from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.thinking import ThinkingFilter


def said(pieces: list[str]) -> str:
    thinking = ThinkingFilter()
    return "".join([*map(thinking.feed, pieces), thinking.finish()])


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello.", "Hello."),
        ("<think>Hm.</think>\n\nHello.", "Hello."),
        ("One <think>Hm.</think>two<think>x</think>.", "One two."),
        ("<think>never closed", ""),
        ("a < b <thin", "a < b <thin"),
        ("<<think>x</think>b", "<b"),
        ("1 </think> 2", "1 </think> 2"),
        ("<think><think>x</think>y", "y"),
    ],
)
def test_thoughts_are_not_spoken(text: str, spoken: str) -> None:
    assert said([text]) == spoken
    assert said(list(text)) == spoken


@given(st.lists(st.sampled_from(["<", "think", ">", "</", "/", "a", " ", "<think>", "</think>"]), max_size=20))
def test_pieces_make_no_difference(pieces: list[str]) -> None:
    assert said(pieces) == said(["".join(pieces)]) == said(list("".join(pieces)))


def test_words_are_not_held_back() -> None:
    assert ThinkingFilter().feed("Hello the") == "Hello the"
