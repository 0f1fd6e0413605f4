"""Fuses the results of full text and of vector search: a convex combination of their scores, with equal weights.

A rank does not say how good a result is. If no passage has the telling words of a question, full text finds passages by
words such as "the", and ranks them first. Reciprocal rank fusion lets these passages push out those that are near in
meaning (docs/benchmarks.md, "Knowledge").

A score says how good a result is (Bruch et al. 2023, "An Analysis of Fusion Functions for Hybrid Retrieval"). The score
of full text is the share of the question's words that a passage has, from 0 to 1. The similarities of vectors lie in
another range for each model. Therefore they are normalised: the lowest that was found becomes 0, and the highest
becomes 1 (min-max scaling).
"""

from __future__ import annotations

from collections.abc import Mapping


def fuse(fits: Mapping[int, float], similarities: Mapping[int, float]) -> dict[int, float]:
    """The score of each passage that was found, from 0 to 1, by its id.

    Args:
        fits: the ``fit`` of each passage found by full text (see :class:`~bot.knowledge.index.Found`), by its id.
        similarities: the similarity of each passage found by vectors, by its id.
    """
    least, greatest = min(similarities.values(), default=0.0), max(similarities.values(), default=0.0)
    span = greatest - least
    near = {key: (value - least) / span if span > 0 else 1.0 for key, value in similarities.items()}
    # The passages of full text come first, so that they win ties when the result is sorted.
    return {key: (fits.get(key, 0.0) + near.get(key, 0.0)) / 2 for key in dict.fromkeys((*fits, *near))}
