"""The stand-in model of the benchmarks: its tokens, and the token that completes a given text."""

from __future__ import annotations

import pytest

from benchmarks.measured_call import tokens_of
from benchmarks.reply_measurement import FIRST_SENTENCE, REPLY
from benchmarks.stand_in_model import ModelTimes


def times_of(text: str) -> ModelTimes:
    return ModelTimes(0.0, [(token, 0.025 * number) for number, token in enumerate(tokens_of(text))])


def test_tokens_are_words_and_make_up_the_text() -> None:
    assert tokens_of("Well, that is") == ["Well,", " that", " is"]
    assert "".join(tokens_of(REPLY)) == REPLY


@pytest.mark.parametrize(("text", "count"), [("Well", 1), ("Well,", 1), ("Well, that", 2), (FIRST_SENTENCE, 15)])
def test_the_token_that_completes_a_text_is_found(text: str, count: int) -> None:
    assert times_of(REPLY).tokens_until(text) == count


@pytest.mark.parametrize("text", ["Something else", f"{REPLY} And more"])
def test_a_text_that_was_never_written_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        times_of(REPLY).tokens_until(text)
