"""Who may be told a fact: the people who heard it, on the server where it was said and in private."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryAsker:
    """A person who asks for facts, and the place in which they ask.

    Attributes:
        person: the person's user id.
        server: id of the Discord server; 0 on the page, 1 on the telephone; ``None`` in a private chat with this
            person.
    """

    person: int
    server: int | None


@dataclass(frozen=True, slots=True)
class Audiences:
    """Writes and checks audiences. An audience says who may be told a fact, in words that full-text search can find.

    A fact of a server has a word for each witness there (``s7p11``), and another one for the private chat with that
    witness (``p11``). A fact that was said in private has only the latter. At a shared place, whose people count as one
    person, a fact has the word of the place (``s0``).

    Args:
        shared: ids of the shared places: the page and the API, which only the operator and those they trust can open.
    """

    shared: frozenset[int] = frozenset()

    def of(self, server: int | None, witnesses: Collection[int]) -> str:
        """The audience of a fact that these people heard; ``server`` is ``None`` in private."""
        if server is not None and server in self.shared:
            return f"s{server}"
        people = sorted(witnesses)
        words = [] if server is None else [f"s{server}p{person}" for person in people]
        return " ".join((*words, *(f"p{person}" for person in people)))

    @staticmethod
    def joined(one: str, other: str) -> str:
        """The audience of everybody who is in one of two audiences."""
        return " ".join(dict.fromkeys((*one.split(), *other.split())))

    @staticmethod
    def without(audience: str, person: int) -> str:
        """The audience without one person."""
        theirs = re.compile(rf"(?:s\d+)?p{person}")
        return " ".join(word for word in audience.split() if theirs.fullmatch(word) is None)

    def word(self, asker: MemoryAsker) -> str:
        """The word that a fact must have in its audience, so that the asker may be told it."""
        if asker.server is None:
            return f"p{asker.person}"
        return f"s{asker.server}" if asker.server in self.shared else f"s{asker.server}p{asker.person}"

    def admits(self, audience: str, asker: MemoryAsker) -> bool:
        """Whether the asker may be told a fact with this audience."""
        return self.word(asker) in audience.split()
