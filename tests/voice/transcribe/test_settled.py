"""Settled words: those on which two transcripts in a row agree. They stay, and the others may change."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.transcribe.settled import SoFar


def after(*transcripts: str) -> SoFar:
    return reduce(SoFar.then, transcripts, SoFar())


@pytest.mark.parametrize(
    ("transcripts", "settled", "text"),
    [
        ([""], "", ""),
        (["What is"], "", "What is"),
        (["What is", "What is the wet"], "What is", "What is the wet"),
        (["What is the wet", "What is the weather like"], "What is the", "What is the weather like"),
        (["what is.", "What is the"], "What is", "What is the"),
        (["What is", "What is the", "What is"], "What is", "What is"),
        (["What is", "What is the", "What was the"], "What is the", "What is the"),
        (["I see", "Icy roads"], "", "Icy roads"),
        (["今日は、", "今日は天気"], "今日は", "今日は天気"),
    ],
)
def test_words_that_two_transcripts_agree_on_are_settled(transcripts: list[str], settled: str, text: str) -> None:
    so_far = after(*transcripts)
    assert (so_far.settled_text, so_far.text) == (settled, text)


@given(st.lists(st.lists(st.sampled_from(["one", "Two,", "three", "3", "…"])).map(" ".join), max_size=6))
def test_settled_words_are_never_taken_back(transcripts: list[str]) -> None:
    before = SoFar()
    for transcript in transcripts:
        now = before.then(transcript)
        assert now.settled[: len(before.settled)] == before.settled
        assert now.text.startswith(now.settled_text)
        before = now
