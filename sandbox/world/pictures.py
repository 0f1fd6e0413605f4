"""Users' pictures, and how often they may change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from sandbox.world.directory import Directory
from sandbox.world.entities import User
from sandbox.world.errors import invalid_form

CHANGES, PERIOD_S = 2, 600.0


class Pictures:
    """Changes them, as often as Discord does: twice in ten minutes, as bots have found out; it does not say.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._changed: defaultdict[int, list[float]] = defaultdict(list)

    def change(self, user: User, picture: str | None) -> None:
        """Give a user another picture (its hash), or none; 400 when it is too soon, as Discord refuses that."""
        now = self._clock()
        lately = [at for at in self._changed[user.id] if now - at < PERIOD_S]
        if len(lately) >= CHANGES:
            text = "You are changing your avatar too fast. Try again later."
            raise invalid_form("avatar", "AVATAR_RATE_LIMIT", text)
        self._changed[user.id] = [*lately, now]
        self._directory.set_avatar(user, picture)

    def forget_changes(self) -> None:
        """Let everybody change theirs again."""
        self._changed.clear()
