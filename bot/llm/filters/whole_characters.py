"""Characters of which the halves come in two pieces, put together."""

from __future__ import annotations

from collections.abc import Iterable

from bot.llm.surrogates import mended, split_open_end


class WholeCharacters:
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
        whole, self._half = split_open_end(self._half + text)
        return [mended(whole)]

    def finish(self) -> Iterable[str]:
        """A half that stayed alone."""
        return [mended(self._half)]
