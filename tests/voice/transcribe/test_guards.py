"""Invented text is not believed, and what was really said is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.transcribe.guards import HeardSegment, believable_text


def sure(text: str) -> HeardSegment:
    return HeardSegment(text, no_speech=0.02, log_probability=-0.3, compression=1.1)


def doubtful(text: str) -> HeardSegment:
    return HeardSegment(text, no_speech=0.7, log_probability=-0.6, compression=1.1)


def test_speech_is_believed_and_joined() -> None:
    assert believable_text([sure(" What time"), sure(" is it?")], 2.0) == "What time is it?"


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        "Subtitles by the Amara.org community",
        "ご視聴ありがとうございました",
        "Sous-titres réalisés par",
    ],
)
def test_what_whisper_says_to_silence_is_not_believed(text: str) -> None:
    assert believable_text([doubtful(text)], 2.0) == ""


def test_somebody_may_really_say_it() -> None:
    assert believable_text([sure("Thank you for watching the kids.")], 3.0) == "Thank you for watching the kids."


def test_a_loop_is_not_believed() -> None:
    assert believable_text([HeardSegment("la " * 50, 0.1, -0.3, 8.0)], 20.0) == ""


def test_more_text_than_anybody_could_say_is_not_believed() -> None:
    assert believable_text([sure("This is a very long sentence that nobody could ever say so fast.")], 0.3) == ""


def test_noise_that_whisper_itself_doubts_is_not_believed() -> None:
    assert believable_text([HeardSegment("you", 0.8, -1.3, 0.8)], 1.0) == ""


@given(st.text(), st.floats(0, 1), st.floats(-5, 0), st.floats(0, 10), st.floats(0, 60))
def test_any_answer_gives_clean_text(text: str, silent: float, log: float, ratio: float, seconds: float) -> None:
    result = believable_text([HeardSegment(text, silent, log, ratio)], seconds)
    assert result == " ".join(result.split())
    assert "\x08" not in result
