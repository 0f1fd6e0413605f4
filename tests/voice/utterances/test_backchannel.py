"""Backchannels such as "mhm" are recognised in all languages, and no other utterances are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.utterances.word_lists import Backchannels

BACKCHANNELS = Backchannels()


@pytest.mark.parametrize(
    "text",
    [
        "Mhm.",
        "Mm-hmm.",
        "Mmmmmm...",
        "uh-huh, uh-huh",
        "Yeah, right.",
        "Okay, okay, I see.",
        "Yes!",
        "True.",
        "Ja, genau.",
        "Ach so!",
        "Ah bon?",
        "Ajá, claro.",
        "Ага, понятно.",
        "うんうんうん",
        "はい、なるほど。",
        "对对对",
        "嗯……",
    ],
)
def test_backchannels_are_recognised(text: str) -> None:
    assert BACKCHANNELS.is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "Stop.",
        "No.",
        "Wait!",
        "Yes, but",
        "Okay, what about tomorrow?",
        "Right now?",
        "Oh no",
        "Really cool idea",
        "yeah yeah yeah yeah yeah",
        "うんざりです",
        "对不起",
        "Ja, aber",
        "Seiyuu",
    ],
)
def test_utterances_that_are_no_backchannel_are_not_taken_for_one(text: str) -> None:
    assert not BACKCHANNELS.is_backchannel(text)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    BACKCHANNELS.is_backchannel(text)
