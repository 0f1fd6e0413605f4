"""Feeding a text to a filter in every way that it can be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.llm.filters.chain import Retraction, TextFilter


def cuts(text: str) -> Iterator[list[str]]:
    """``text`` whole, character by character, and in two pieces in every way."""
    yield [text]
    yield list(text)
    for place in range(1, len(text)):
        yield [text[:place], text[place:]]


def stands(pieces: Iterable[str]) -> str:
    """What stands of a reply in the end."""
    text = ""
    for piece in pieces:
        text = "" if isinstance(piece, Retraction) else text + piece
    return text


def let_through(text_filter: TextFilter, pieces: Sequence[str]) -> str:
    said: list[str] = []
    for piece in pieces:
        if not text_filter.ended:
            said += text_filter.feed(piece)
    return stands([*said, *text_filter.finish()])


def results(make: Callable[[], TextFilter], text: str) -> set[str]:
    """What comes out of the filter, over all cuts: one text, if the cuts make no difference."""
    return {let_through(make(), pieces) for pieces in cuts(text)}
