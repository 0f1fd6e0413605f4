"""Tests of the figures about interim transcripts: when people see words for good, and whether settled words changed.

Settled words are those of an interim transcript that the bot does not expect to change.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.errors import MeasurementError
from benchmarks.interims import figures, seen_after, settled_changed
from benchmarks.interims_call import HeardTurn, ShownWords

TURN = HeardTurn(
    seconds=2.0,
    shown=(
        ShownWords(-1.0, "What tie", ""),
        ShownWords(-0.5, "What time is", "What"),
        ShownWords(0.1, "What time", ""),
    ),
    text="What time is it?",
    words_at=0.3,
    ended_at=0.5,
    guess_at=0.1,
    thrown_away=1,
    cut_off=False,
    processor=1.0,
)
"""A turn of twelve letters. The word "is" is shown, and then disappears again."""


def test_a_word_counts_as_seen_from_when_it_and_all_words_before_it_no_longer_change() -> None:
    assert seen_after(TURN) == pytest.approx([-1.0 + 4 / 3, -0.5 + 2 / 3, 0.5 + 1 / 3, 0.5])


def test_without_interims_all_words_are_seen_at_the_end_of_the_turn() -> None:
    turn = replace(TURN, shown=(), words_at=0.7)
    assert seen_after(turn) == pytest.approx([0.7 + 4 / 3, 0.7 + 2 / 3, 0.7 + 1 / 3, 0.7])


@pytest.mark.parametrize(
    ("settled", "changed"), [("what time", False), ("What, time is it", False), ("What tie", True), ("Or what", True)]
)
def test_settled_words_count_as_changed_if_the_final_text_does_not_begin_with_them(settled: str, changed: bool) -> None:
    assert settled_changed(replace(TURN, shown=(ShownWords(-1.0, settled, settled),))) is changed


def test_a_turn_that_was_cut_off_is_counted_but_not_timed() -> None:
    found = figures([TURN, replace(TURN, words_at=9.0, cut_off=True)])
    assert (found.turns, found.cut_off, found.words.greatest) == (2, 1, 300.0)
    assert (found.interims, found.early_guesses, found.thrown_away, found.processor) == (3.0, 1, 1, 0.5)


def test_a_reply_that_is_begun_from_the_final_words_does_not_count_as_early() -> None:
    assert figures([replace(TURN, guess_at=0.301)]).early_guesses == 0


def test_there_are_no_figures_if_all_turns_were_cut_off() -> None:
    with pytest.raises(MeasurementError):
        figures([replace(TURN, cut_off=True)])
