"""Permits, which say who may do something, and a rate limit per user."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import discord
from discord.utils import escape_markdown

from bot.user_error import UserError

_EVERYONE, _NOBODY, _MANAGERS, _CALL = "everyone", "nobody", "managers", "call"
_ROLE = "role:"


class NotPermittedError(UserError):
    """A person may not do what they asked for. The text is for the person."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The people who are permitted to do one thing.

    People who may manage the server are always permitted, unless ``nobody`` is True.

    Attributes:
        everyone: everyone is permitted.
        nobody: nobody is permitted.
        in_call: people in the call are permitted.
        role_names: people with one of these roles are permitted. Case is ignored.
        ids: ids of users and of roles. These users, and people with one of these roles, are permitted.
    """

    everyone: bool = False
    nobody: bool = False
    in_call: bool = False
    role_names: frozenset[str] = frozenset()
    ids: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``everyone``, ``nobody``, or a list of ``call``, ``managers``, ``role:NAME``, role ids and user ids.

        Raises:
            ValueError: a word is not valid. The text names the word.
        """
        words = [word.strip() for word in text.split(",") if word.strip()]
        if words == [_EVERYONE]:
            return cls(everyone=True)
        if words == [_NOBODY]:
            return cls(nobody=True)
        names = frozenset(word.removeprefix(_ROLE).strip() for word in words if word.startswith(_ROLE))
        others = [word for word in words if not word.startswith(_ROLE) and word not in (_MANAGERS, _CALL)]
        for word in others:
            if not word.isascii() or not word.isdecimal():
                raise ValueError(f"{word!r} is neither everyone, nobody, managers, call, role:NAME nor an id")
        return cls(in_call=_CALL in words, role_names=names, ids=frozenset(map(int, others)))

    def allows(self, person: discord.Member | discord.User, *, in_call: bool = False) -> bool:
        """Whether the permit allows this person. ``in_call`` says whether the person is in the call."""
        if self.nobody:
            return False
        if self.everyone or person.id in self.ids or (self.in_call and in_call):
            return True
        if not isinstance(person, discord.Member):
            return False
        if person.guild_permissions.manage_guild:
            return True
        names = {name.casefold() for name in self.role_names}
        return any(role.id in self.ids or role.name.casefold() in names for role in person.roles)

    def describe(self) -> str:
        """The permitted people in words: "people in the call, and people who may manage this server"."""
        if self.everyone or self.nobody:
            return "everyone" if self.everyone else "nobody"
        groups = ["people in the call"] if self.in_call else []
        groups += [f"people with the role {escape_markdown(name)}" for name in sorted(self.role_names)]
        groups += ["people whom my operator has named"] if self.ids else []
        return ", ".join([*groups, f"{'and ' if groups else ''}people who may manage this server"])


class RateLimit:
    """Sliding-window rate limit per user.

    Args:
        rate: ``COUNT/SECONDS``: each user may do COUNT things in any period of SECONDS. The
            format is checked when the settings are read.
    """

    def __init__(self, rate: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        count, _, seconds = rate.partition("/")
        self._count = int(count)
        self._seconds = float(seconds)
        self._clock = clock
        self._taken: defaultdict[int, deque[float]] = defaultdict(deque)
        self._notified: set[int] = set()

    def take(self, user: int) -> float:
        """Count one use and return 0. If the limit is reached, count nothing and return the seconds to wait."""
        now = self._clock()
        self._forget(now)
        taken = self._taken[user]
        if len(taken) >= self._count:
            return taken[0] + self._seconds - now
        taken.append(now)
        self._notified.discard(user)
        return 0.0

    def notify_once(self, user: int) -> bool:
        """Whether a user who has to wait must be notified. True only once per wait."""
        if user in self._notified:
            return False
        self._notified.add(user)
        return True

    def _forget(self, now: float) -> None:
        for user in [user for user, taken in self._taken.items() if not taken or taken[-1] <= now - self._seconds]:
            del self._taken[user]
            self._notified.discard(user)
        for taken in self._taken.values():
            while taken[0] <= now - self._seconds:
                taken.popleft()


def wait_text(seconds: float) -> str:
    """The text for a person who has to wait."""
    whole = math.ceil(seconds)
    wait = f"{whole} s" if whole < 120 else f"{math.ceil(whole / 60)} minutes"
    return f"⏳ A little slower, please: try again in {wait}."
