"""Presences of bots: online or not, and the status line below the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.world import payloads
from sandbox.world.bus import Dispatch
from sandbox.world.directory import Directory
from sandbox.world.entities import Json, User

STATUSES = frozenset({"online", "dnd", "idle", "invisible", "offline"})
CUSTOM = 4
"""The type of a custom status."""


@dataclass(frozen=True, slots=True)
class Presence:
    """The presence of a user. ``activities`` are kept as they were sent."""

    status: str = "offline"
    activities: tuple[Json, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Presence:
        """Read a presence that a bot sent.

        Raises:
            ValueError: a field is missing or wrong.
        """
        # In an identify, the status may be missing, and a field "game" may hold the only activity.
        game = data.get("game")
        status, activities = data.get("status") or "online", data.get("activities") or ([game] if game else [])
        if not isinstance(status, str) or status not in STATUSES or not isinstance(activities, list):
            raise ValueError("no such status, or no list of activities")
        if not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in activities):
            raise ValueError("an activity has no name")
        return cls("offline" if status == "invisible" else status, tuple(activities))

    @property
    def words(self) -> str | None:
        """The status line below the name: the custom status, or the name of the activity. ``None`` if there is none."""
        for activity in self.activities:
            return str(activity.get("state") if activity.get("type") == CUSTOM else activity["name"])
        return None


class Presences:
    """The presences of all users. At first they are offline. A bot that disconnects keeps its last presence."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._by_user: dict[int, Presence] = {}

    def of(self, user_id: int) -> Presence:
        """The presence of a user."""
        return self._by_user.get(user_id, Presence())

    def show(self, user: User, presence: Presence) -> None:
        """Set a user's presence in all their guilds."""
        self._by_user[user.id] = presence
        for guild in self._directory.guilds.values():
            if user.id in guild.members:
                data = payloads.presence(user, presence.status, presence.activities) | {"guild_id": str(guild.id)}
                self._directory.bus.publish(Dispatch("PRESENCE_UPDATE", data, guild.id))
