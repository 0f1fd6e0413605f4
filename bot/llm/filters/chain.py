"""The chain of filters that a reply's text passes through, and the first filter, which joins surrogates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bot.text import join_surrogates, split_open_surrogate


class Retraction(str):
    """An empty piece of text that means: all text before it in this reply was a thought, and must be forgotten.

    It is a ``str``, so that code that only joins pieces does not have to handle it.
    """

    __slots__ = ()


class TextFilter(Protocol):
    """Removes one kind of text, such as tags, from a text that arrives in pieces.

    The result must not depend on where the pieces are cut. A filter withholds text only as long as the text may be part
    of what the filter removes.
    """

    @property
    def ended(self) -> bool:
        """Whether the reply ends here, so that all text after it is dropped."""
        ...

    @property
    def holds(self) -> bool:
        """Whether the filter withholds text that it may still let through."""
        ...

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that can be let through now, and retractions."""
        ...

    def finish(self) -> Iterable[str]:
        """End the reply; returns the withheld text that can be let through, and retractions."""
        ...


class FilterChain:
    """Filters that a text passes through one after another.

    Args:
        make: creates the filters, in their order. When a filter retracts the text so far, the filters after it are
            created again, because for them the reply begins anew.
    """

    def __init__(self, make: Callable[[], Sequence[TextFilter]]) -> None:
        self._make = make
        self._filters = list(make())

    @property
    def ended(self) -> bool:
        """Whether a filter has ended the reply, so that all further text is dropped."""
        return self._has_ended(0)

    @property
    def holds(self) -> bool:
        """Whether a filter withholds text that it may still let through."""
        return not self.ended and any(each.holds for each in self._filters)

    def feed(self, text: str) -> list[str]:
        """Take the next piece; returns the filtered text that is ready, and retractions."""
        return self._pass_on([text], 0)

    def finish(self) -> list[str]:
        """End the reply; returns the rest of the filtered text, and retractions."""
        pieces: list[str] = []
        for index, each in enumerate(self._filters):
            pieces += self._pass_on(each.finish(), index + 1)
        return _joined(pieces)

    def _pass_on(self, pieces: Iterable[str], index: int) -> list[str]:
        """Pass pieces through the filters from ``index`` on."""
        out: list[str] = []
        for piece in _joined(pieces):
            if self._has_ended(index):
                break
            out += self._through(piece, index)
        return out

    def _through(self, piece: str, index: int) -> list[str]:
        """Pass one piece through the filters from ``index`` on, none of which has ended."""
        while index < len(self._filters):
            if isinstance(piece, Retraction):
                self._filters[index:] = self._make()[index:]
                return [piece]
            pieces = _joined(self._filters[index].feed(piece))
            index += 1
            if len(pieces) != 1:
                return self._pass_on(pieces, index)
            # Nearly every piece comes out as one piece. The next filters have not seen it yet, so none has ended.
            (piece,) = pieces
        return [piece]

    def _has_ended(self, index: int) -> bool:
        return True in [each.ended for each in self._filters[index:]]


def _joined(pieces: Iterable[str]) -> list[str]:
    """Join neighbouring pieces of text, and drop empty ones. Retractions are kept."""
    given = list(pieces)
    if len(given) == 1:
        return given if given[0] or isinstance(given[0], Retraction) else []
    joined: list[str] = []
    run: list[str] = []
    for piece in given:
        if isinstance(piece, Retraction):
            joined += ["".join(run), piece]
            run.clear()
        else:
            run.append(piece)
    joined.append("".join(run))
    return [piece for piece in joined if piece or isinstance(piece, Retraction)]


class SurrogateFilter:
    """Joins surrogates, the halves of characters such as emoji, if they arrive in two pieces.

    Implements :class:`TextFilter`. A lone surrogate is replaced by U+FFFD.
    """

    ended = False

    def __init__(self) -> None:
        self._half = ""

    @property
    def holds(self) -> bool:
        """Whether the first half of a character is withheld."""
        return bool(self._half)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns it with its surrogates joined."""
        whole, self._half = split_open_surrogate(self._half + text)
        return [join_surrogates(whole)]

    def finish(self) -> Iterable[str]:
        """End the reply; returns U+FFFD if half a character is left."""
        return [join_surrogates(self._half)]
