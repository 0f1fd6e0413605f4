"""Users' avatars and the rate limit of their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from sandbox.world.directory import Directory
from sandbox.world.entities import User
from sandbox.world.errors import invalid_form

CHANGES = 2
"""A user can change the avatar at most this many times within :data:`PERIOD_S`."""
PERIOD_S = 600.0
"""Period of the rate limit, in seconds."""


class Avatars:
    """Changes avatars within Discord's rate limit: twice in ten minutes.

    The limit is not documented; people have found it by trying.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._changed: defaultdict[int, list[float]] = defaultdict(list)

    def change(self, user: User, picture: str | None) -> None:
        """Set a user's avatar (the hash of the picture), or remove it. Error 400 beyond the rate limit."""
        now = self._clock()
        lately = [at for at in self._changed[user.id] if now - at < PERIOD_S]
        if len(lately) >= CHANGES:
            text = "You are changing your avatar too fast. Try again later."
            raise invalid_form("avatar", "AVATAR_RATE_LIMIT", text)
        self._changed[user.id] = [*lately, now]
        self._directory.set_avatar(user, picture)

    def reset_rate_limit(self) -> None:
        """Reset the rate limit of all users."""
        self._changed.clear()
