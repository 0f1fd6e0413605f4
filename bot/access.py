"""Who may do what, and how often: permits that the operator gives out, and a limit for each user."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import discord

_EVERYONE, _MANAGERS = "everyone", "managers"
_ROLE = "role:"


class NotPermittedError(Exception):
    """Somebody may not do what they asked for; the text is for them."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Who may do one thing. Who may manage the server always may."""

    everyone: bool = False
    role_names: frozenset[str] = frozenset()
    ids: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``everyone``, ``managers``, or a list of ``role:NAME``, role ids and user ids, parted by commas.

        Raises:
            ValueError: a word is none of these; the text names it.
        """
        words = [word.strip() for word in text.split(",") if word.strip()]
        if words == [_EVERYONE]:
            return cls(everyone=True)
        names = frozenset(word.removeprefix(_ROLE).strip().casefold() for word in words if word.startswith(_ROLE))
        others = [word for word in words if not word.startswith(_ROLE) and word != _MANAGERS]
        for word in others:
            if not word.isascii() or not word.isdecimal():
                raise ValueError(f"{word!r} is neither everyone, managers, role:NAME nor an id")
        return cls(role_names=names, ids=frozenset(map(int, others)))

    def allows(self, person: discord.Member | discord.User) -> bool:
        """Whether this person may."""
        if self.everyone or person.id in self.ids:
            return True
        if not isinstance(person, discord.Member):
            return False
        if person.guild_permissions.manage_guild:
            return True
        return any(role.id in self.ids or role.name.casefold() in self.role_names for role in person.roles)

    def require(self, person: discord.Member | discord.User, deed: str) -> None:
        """See that this person may; ``deed`` completes "You may not …".

        Raises:
            NotPermittedError: they may not.
        """
        if not self.allows(person):
            raise NotPermittedError(f"🔒 You may not {deed} here. Who may manage this server can change that.")


@dataclass(frozen=True, slots=True)
class CallPermits:
    """Who may bring the bot into a call, and who may send it away."""

    join: Permit = Permit(everyone=True)
    leave: Permit = Permit(everyone=True)


class RateLimit:
    """So many a user in so many seconds, whenever in them.

    Args:
        rate: ``COUNT/SECONDS``, as the settings have checked it.
    """

    def __init__(self, rate: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        count, _, seconds = rate.partition("/")
        self._count = int(count)
        self._seconds = float(seconds)
        self._clock = clock
        self._taken: defaultdict[int, deque[float]] = defaultdict(deque)

    def take(self, user: int) -> float:
        """Count one; returns 0, or the seconds after which the user may try again, and then counts nothing."""
        now = self._clock()
        self._forget(now)
        taken = self._taken[user]
        if len(taken) >= self._count:
            return taken[0] + self._seconds - now
        taken.append(now)
        return 0.0

    def _forget(self, now: float) -> None:
        for user in [user for user, taken in self._taken.items() if not taken or taken[-1] <= now - self._seconds]:
            del self._taken[user]
        for taken in self._taken.values():
            while taken[0] <= now - self._seconds:
                taken.popleft()


def wait_word(seconds: float) -> str:
    """A friendly word for somebody who has to wait."""
    whole = math.ceil(seconds)
    wait = f"{whole} s" if whole < 120 else f"{math.ceil(whole / 60)} minutes"
    return f"⏳ A little slower, please: try again in {wait}."
