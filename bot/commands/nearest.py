"""Which command somebody meant who mistyped one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from config import spelling

_FOREIGN = frozenset(
    {
        "card",
        "cards",
        "cat",
        "chart",
        "cheat",
        "coin",
        "drop",
        "gpt",
        "level",
        "mod",
        "mods",
        "move",
        "roll",
        "shop",
        "start",
    }
    | {"stat", "stats", "step", "store", "top", "vote", "word"}
)
"""Commands of other bots, and words, that look like a mistyped command of ours."""


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that was probably meant by ``typed``, which is none of them; ``None``: nobody can tell.

    It is careful, because other bots may use the same prefix: their commands are not ours with a mistake in it.
    """
    return None if spelling.plain(typed) in _FOREIGN else spelling.nearest(typed, names)
