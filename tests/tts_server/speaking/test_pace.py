"""Estimates of the pace: the unspoken rest of a text, and the portion that can be synthesized in a given time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tts_server.speaking.measurements import SHORTEST_PORTION, Pace

TEXT = "The quick brown fox jumps over the lazy dog."


def paced(seconds_a_character: float = 0.05) -> Pace:
    pace = Pace()
    pace.record("x" * 100, 100 * seconds_a_character, 40 * seconds_a_character)
    return pace


def test_a_text_that_was_not_begun_remains_whole() -> None:
    assert paced().remaining_text(TEXT, 0.0) == TEXT


def test_a_text_that_was_spoken_to_the_end_leaves_nothing() -> None:
    assert paced().remaining_text(TEXT, len(TEXT) * 0.05) == ""


def test_an_interrupted_word_is_spoken_again_from_its_beginning() -> None:
    assert paced().remaining_text(TEXT, 0.05 * 6) == "quick brown fox jumps over the lazy dog."


@given(st.text(max_size=60), st.floats(0, 10), st.floats(0, 10))
def test_the_rest_gets_shorter_with_time_and_begins_with_a_word(text: str, early: float, late: float) -> None:
    pace = paced()
    early, late = sorted((early, late))
    rest, less = pace.remaining_text(text, early), pace.remaining_text(text, late)
    assert text.endswith(rest)
    assert rest.endswith(less)
    assert not rest or rest == text or text[: -len(rest)][-1].isspace()


def test_the_pace_follows_a_changing_engine_and_ignores_silence() -> None:
    pace = paced(0.05)
    pace.record("hello", 0.0, 1.0)
    pace.record("", 3.0, 1.0)
    assert pace.remaining_text(TEXT, 0.05 * 6).startswith("quick")
    for _ in range(30):
        pace.record("x" * 100, 10.0, 4.0)
    assert pace.remaining_text(TEXT, 0.1 * 6).startswith("quick")


LONG = "When the rain stops, we walk along the river to the old mill, and from there we take the bus home again."


def test_a_clause_that_others_can_wait_for_is_one_portion() -> None:
    assert paced().portion(LONG, 0.02 * len(LONG)) == LONG
    assert paced().portion(LONG, float("inf")) == LONG
    assert Pace().portion(LONG, 0.0) == LONG


def test_a_portion_ends_earlier_with_a_clause_or_a_word_if_others_cannot_wait() -> None:
    assert paced().portion(LONG, 0.02 * 70) == "When the rain stops, we walk along the river to the old mill, "
    assert paced().portion(LONG, 0.02 * 50) == "When the rain stops, we walk along the river to "


@given(st.text(max_size=200), st.floats(-10, 10))
def test_neither_a_portion_nor_the_rest_is_too_small(text: str, seconds: float) -> None:
    portion = paced().portion(text, seconds)
    assert text.startswith(portion)
    if portion != text:
        assert len(portion) >= SHORTEST_PORTION
        assert len(text) - len(portion) >= SHORTEST_PORTION
        assert portion[-1].isspace()
