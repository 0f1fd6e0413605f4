"""Who takes part in a conversation, by name: models write names before their lines, and lines for other people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Speakers:
    """The names under which a model may write a line.

    Attributes:
        own: what the one who answers is called.
        others: what the other people in the conversation are called.
    """

    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, own: Iterable[str], people: Iterable[str]) -> Self:
        """The same from any names: each once, and nobody is called what the one who answers is called."""
        ours = tuple(own)
        known = {name.casefold() for name in ours}
        return cls(ours, tuple(name for name in dict.fromkeys(people) if name.casefold() not in known))


NOBODY = Speakers()
"""For replies in no conversation: no name is taken out of them."""
