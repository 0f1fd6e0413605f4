"""The results of searches by words and by meaning are put together so that neither pushes out what the other is sure
of.
"""

from __future__ import annotations

from bot.knowledge.fusion import fuse


def ranked(fits: dict[int, float], near: dict[int, float]) -> list[int]:
    scores = fuse(fits, near)
    assert all(0 <= score <= 1 for score in scores.values())
    return sorted(scores, key=lambda key: -scores[key])


def test_passages_that_share_only_common_words_push_out_none_that_are_near() -> None:
    # All of these have "the bot" in them. By their ranks alone, they would come before 3 and 4.
    fits = dict.fromkeys(range(10, 20), 0.15)
    near = {1: 0.93, 2: 0.92, 3: 0.91, 4: 0.90, **{number: 0.84 - number / 1000 for number in range(10, 20)}}
    assert ranked(fits, near)[:4] == [1, 2, 3, 4]


def test_a_passage_with_all_words_of_the_question_comes_before_those_that_have_none_however_near() -> None:
    """An article number, for example, has no meaning to the model that makes the vectors."""
    assert ranked({9: 1.0}, {1: 0.88, 2: 0.87, 3: 0.8})[:2] == [9, 1]


def test_models_with_only_high_similarities_lead_to_the_same_order() -> None:
    """multilingual-e5-small has similarities from 0.7 to 1, others from 0 to 1. Order and distances count."""
    fits = {2: 0.4}
    wide = {1: 0.9, 2: 0.6, 3: 0.1}
    narrow = {key: 0.8 + 0.1 * value for key, value in wide.items()}
    assert ranked(fits, wide) == ranked(fits, narrow) == [2, 1, 3]


def test_one_kind_of_search_alone_keeps_its_order_and_equal_similarities_cause_no_error() -> None:
    assert ranked({}, {5: 0.9, 6: 0.8}) == [5, 6]
    assert ranked({5: 0.9, 6: 0.8}, {}) == [5, 6]
    assert ranked({}, {5: 0.5}) == [5]
    assert set(ranked({}, {5: 0.5, 6: 0.5})) == {5, 6}
    assert fuse({}, {}) == {}
