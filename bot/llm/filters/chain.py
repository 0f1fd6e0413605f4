"""The chain of filters that a reply's text passes through, and the first of them, which joins halves of characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bot.text import join_surrogates, split_open_surrogate


class Retraction(str):
    """An empty piece of a reply that says: everything before it in this reply was a thought, and is to be forgotten.

    It is a ``str``, so that whoever only puts pieces together needs to know nothing of it.
    """

    __slots__ = ()


class TextFilter(Protocol):
    """Takes something out of a text that comes in pieces. However the pieces are cut, the same text comes out.

    What may still turn out to be part of what it takes out, it holds back, and no more than that.
    """

    @property
    def ended(self) -> bool:
        """Whether the reply is over here, whatever comes after it."""
        ...

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        ...

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; give what can be said by now."""
        ...

    def finish(self) -> Iterable[str]:
        """The reply is over: give what was held back and can be said."""
        ...


class FilterChain:
    """Filters one behind the other.

    Args:
        make: makes the filters, the first one first. What stands behind a filter that retracts is made anew, since
            for it the reply begins again.
    """

    def __init__(self, make: Callable[[], Sequence[TextFilter]]) -> None:
        self._make = make
        self._filters = list(make())

    @property
    def ended(self) -> bool:
        """Whether the reply is over, whatever comes after it."""
        return any(each.ended for each in self._filters)

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return not self.ended and any(each.holds for each in self._filters)

    def feed(self, text: str) -> list[str]:
        """Take the next piece; returns what can be said by now, and retractions."""
        return self._pass_on([text], 0)

    def finish(self) -> list[str]:
        """The reply is over: the rest of what can be said."""
        pieces: list[str] = []
        for place, each in enumerate(self._filters):
            pieces += self._pass_on(each.finish(), place + 1)
        return _joined(pieces)

    def _pass_on(self, pieces: Iterable[str], place: int) -> list[str]:
        """Have the filters from ``place`` on work on pieces."""
        if place == len(self._filters):
            return _joined(pieces)
        out: list[str] = []
        for piece in _joined(pieces):
            if any(each.ended for each in self._filters[place:]):
                break
            if isinstance(piece, Retraction):
                self._filters[place:] = self._make()[place:]
                out.append(piece)
            else:
                out += self._pass_on(self._filters[place].feed(piece), place + 1)
        return out


def _joined(pieces: Iterable[str]) -> list[str]:
    """The pieces with those that follow each other put together, and without empty ones."""
    joined: list[str] = []
    run: list[str] = []
    for piece in pieces:
        if isinstance(piece, Retraction):
            joined += ["".join(run), piece]
            run.clear()
        else:
            run.append(piece)
    joined.append("".join(run))
    return [piece for piece in joined if piece or isinstance(piece, Retraction)]


class SurrogateFilter:
    """A :class:`~bot.llm.filters.chain.TextFilter`: no half of a character gets past it."""

    ended = False

    def __init__(self) -> None:
        self._half = ""

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return bool(self._half)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        whole, self._half = split_open_surrogate(self._half + text)
        return [join_surrogates(whole)]

    def finish(self) -> Iterable[str]:
        """A half that stayed alone."""
        return [join_surrogates(self._half)]
