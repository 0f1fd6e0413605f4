"""The benchmark of the ears: its error rates, and whether they meet the targets over a telephone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.ears import EarsFigures, telephone_verdicts
from benchmarks.statistics import spread

FOUND = EarsFigures("base", "en", 15.0, 1, 120, 900, 40, 4.4, spread([1.0]), recorded_words=400, recorded_errors=30)
"""10 errors in 500 words of natural voices, 30 in 400 of recorded people."""


def test_natural_voices_and_recorded_people_are_counted_apart() -> None:
    assert FOUND.rates() == {"natural": pytest.approx(2.0), "recorded": pytest.approx(7.5)}
    assert replace(FOUND, recorded_words=0, recorded_errors=0).rates() == {"natural": pytest.approx(100 * 40 / 900)}


@pytest.mark.parametrize(
    ("errors", "of_recorded", "good"),
    [(40, 30, [True, True]), (70, 40, [True, True]), (71, 40, [False, True]), (71, 41, [True, False])],
)
def test_each_kind_has_its_target_over_a_telephone(errors: int, of_recorded: int, good: list[bool]) -> None:
    found = replace(FOUND, errors=errors, recorded_errors=of_recorded)
    assert [met for _, met in telephone_verdicts([found])] == good


def test_a_context_that_the_bot_does_not_use_and_other_languages_than_english_have_no_target() -> None:
    assert not telephone_verdicts([replace(FOUND, context_seconds=30.0), replace(FOUND, language="fr")])
