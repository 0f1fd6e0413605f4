"""Finds the name that somebody probably meant but mistyped. Pure logic."""

from __future__ import annotations

from collections.abc import Iterable

LONG = 7
"""In names of at least this many letters, two mistakes are allowed. In shorter names, one mistake is allowed."""
SHORTEST = 3
"""Names are suggested only for typed words of at least this many letters."""


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that ``typed`` probably means; ``None`` if no name is close enough.

    Case, hyphens, underscores and spaces are ignored.
    """
    word = comparable(typed)
    if len(word) < SHORTEST:
        return None
    found = [(distance, name) for name in names if (distance := _mistakes(word, comparable(name))) is not None]
    return min(found)[1] if found else None


def only_containing(typed: str, names: Iterable[str]) -> str | None:
    """The only one of ``names`` that contains ``typed``, which must have at least :data:`SHORTEST` letters."""
    word = comparable(typed)
    found = [name for name in names if word in comparable(name)] if len(word) >= SHORTEST else []
    return found[0] if len(found) == 1 else None


def comparable(name: str) -> str:
    """A name in the form used for comparison: lower case, without spaces, hyphens and underscores."""
    return "".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _mistakes(typed: str, name: str) -> int | None:
    """Number of mistakes in ``typed`` if ``name`` is meant; ``None`` if there are too many."""
    if not name or (typed[0] != name[0] and sorted(typed[:2]) != sorted(name[:2])):
        return None
    allowed = 2 if min(len(typed), len(name)) >= LONG else 1
    if abs(len(typed) - len(name)) > allowed:
        return None
    distance = _distance(typed, name)
    return distance if distance <= allowed else None


def _distance(one: str, other: str) -> int:
    """Edit distance. Two swapped neighbouring letters count as one mistake."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, against in enumerate(other, 1):
            cost = min(last[column] + 1, now[column - 1] + 1, last[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]
