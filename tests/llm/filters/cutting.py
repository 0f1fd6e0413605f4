"""Helpers that feed a text to a filter in all possible pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.llm.filters.chain import Retraction, TextFilter


def cuts(text: str) -> Iterator[list[str]]:
    """``text`` in one piece, in single characters, and in two pieces at each possible position."""
    yield [text]
    yield list(text)
    for place in range(1, len(text)):
        yield [text[:place], text[place:]]


def final_text(pieces: Iterable[str]) -> str:
    """The text of a reply that is left at its end, after retractions."""
    text = ""
    for piece in pieces:
        text = "" if isinstance(piece, Retraction) else text + piece
    return text


def let_through(text_filter: TextFilter, pieces: Sequence[str]) -> str:
    said: list[str] = []
    for piece in pieces:
        if not text_filter.ended:
            said += text_filter.feed(piece)
    return final_text([*said, *text_filter.finish()])


def results(make: Callable[[], TextFilter], text: str) -> set[str]:
    """All texts that the filter produces for different cuts. It is one text if the cuts make no difference."""
    return {let_through(make(), pieces) for pieces in cuts(text)}
