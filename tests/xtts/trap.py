"""A pickle of an attacker."""

from __future__ import annotations


class Trap:
    """An object whose pickle would run foreign code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was run')",)
