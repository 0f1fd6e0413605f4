"""Which of several names somebody meant who mistyped one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

LONG = 7
"""Letters from which a name may have two mistakes in it, and not only one."""
SHORTEST = 3


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that was probably meant by ``typed``, which is none of them; ``None``: nobody can tell.

    Capitals, hyphens, underscores and blanks make no difference.
    """
    word = plain(typed)
    if len(word) < SHORTEST:
        return None
    found = [(distance, name) for name in names if (distance := _mistakes(word, plain(name))) is not None]
    return min(found)[1] if found else None


def begun(typed: str, names: Iterable[str]) -> str | None:
    """The only one of ``names`` in which ``typed`` is a part, from :data:`SHORTEST` letters on."""
    word = plain(typed)
    found = [name for name in names if word in plain(name)] if len(word) >= SHORTEST else []
    return found[0] if len(found) == 1 else None


def plain(name: str) -> str:
    """A name as it is compared: small letters, without what joins its words."""
    return "".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _mistakes(typed: str, name: str) -> int | None:
    """How many mistakes lie between the two; ``None``: too many."""
    if not name or (typed[0] != name[0] and sorted(typed[:2]) != sorted(name[:2])):
        return None
    allowed = 2 if min(len(typed), len(name)) >= LONG else 1
    if abs(len(typed) - len(name)) > allowed:
        return None
    distance = _distance(typed, name)
    return distance if distance <= allowed else None


def _distance(one: str, other: str) -> int:
    """Letters that are missing, too many, wrong, or changed places with their neighbour."""
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
