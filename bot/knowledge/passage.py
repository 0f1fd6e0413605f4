"""A passage that was found for a question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a file.

    Attributes:
        text: the passage with its headings.
        source: the file's path in ``KNOWLEDGE_DIR``, and the page, if it has pages: ``handbook.pdf, page 3``.
        score: how well the passage fits the question; higher is better. Scores of two questions can't be compared.
    """

    text: str
    source: str
    score: float
