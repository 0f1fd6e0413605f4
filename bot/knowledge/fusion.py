"""Puts the results of several searches together, by reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Sequence

_K = 60
"""The usual constant: it keeps the first of one search from outweighing what all searches have found."""


def fuse(*rankings: Sequence[int]) -> dict[int, float]:
    """The score of each id: the sum of 1 / (60 + rank) over the rankings that have it. The first rank is 1."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (_K + rank)
    return scores
