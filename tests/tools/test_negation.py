"""Which clauses of a person's words ask for something, and which deny it, in many languages."""

from __future__ import annotations

import pytest

from bot.tools.negation import not_denied


@pytest.mark.parametrize(
    "words",
    [
        "Don't leave",
        "don’t leave!",
        "please do not hang up",
        "never mind the timer",
        "geh nicht",
        "Bitte nicht auflegen!",
        "vergiss den Timer",
        "ne pars pas",
        "no salgas",
        "non uscire",
        "não sai",
        "не уходи",
        "ga niet weg",
        "抜けないで",
        "나가지 마",
        "不要离开",
    ],
)
def test_denials_ask_for_nothing(words: str) -> None:
    assert not_denied(words) == ""


@pytest.mark.parametrize(
    ("words", "asking"),
    [
        ("No, leave.", "leave"),
        ("I don't know, leave please", "leave please"),
        ("Geh, aber nicht sofort", "Geh"),
        ("no te vayas, quédate", "quédate"),
        ("对不起，请离开", "对不起\n请离开"),
    ],
)
def test_only_the_clause_that_denies_is_left_out(words: str, asking: str) -> None:
    assert not_denied(words) == asking


@pytest.mark.parametrize(
    "words",
    [
        "leave",
        "Why don't you leave",
        "Don't forget to remind me",
        "don't let me forget the milk",
        "n'oublie pas de me rappeler le lait",
        "не забудь напомнить",
        "lembra-me no domingo",
        "Erinnere mich am ersten Mai",
        "draw a notebook and a noble cat",
        "抜けてくれない",
        "能不能离开",
    ],
)
def test_words_that_only_look_like_a_denial_ask_for_something(words: str) -> None:
    assert not_denied(words) == words


def test_a_very_long_text_of_denials_asks_for_nothing() -> None:
    assert not_denied("n't " * 25_000) == ""
