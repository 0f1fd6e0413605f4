"""Puts the results of full text and of vectors together: a convex combination of scores, with equal weights.

Ranks alone tell nothing of how good a result is: for a question whose words occur nowhere, full text ranks passages
with common words first, and by reciprocal rank fusion they pushed out what was near in meaning (docs/benchmarks.md,
"Knowledge"). Scores do tell it, if they mean the same for each question (Bruch et al. 2023, "An Analysis of Fusion
Functions for Hybrid Retrieval"). The share of the question's words that a passage has, does. Similarities of vectors do
not, since each model has a range of its own; therefore they count from the least to the greatest of those found.
"""

from __future__ import annotations

from collections.abc import Mapping


def fuse(fits: Mapping[int, float], similarities: Mapping[int, float]) -> dict[int, float]:
    """The score of each passage that was found, from 0 to 1, by its id.

    Args:
        fits: of the passages found by full text, what :class:`~bot.knowledge.index.Found` calls ``fit``.
        similarities: of the passages found by vectors, how near they are.
    """
    least, greatest = min(similarities.values(), default=0.0), max(similarities.values(), default=0.0)
    span = greatest - least
    near = {key: (value - least) / span if span > 0 else 1.0 for key, value in similarities.items()}
    # Of equals, the one with the words comes first.
    return {key: (fits.get(key, 0.0) + near.get(key, 0.0)) / 2 for key in dict.fromkeys((*fits, *near))}
