"""Whether the knowledge is used on a server. It is, unless someone who manages the server has switched it off."""

from __future__ import annotations

from typing import Protocol


class StoredSettings(Protocol):
    """Settings that commands store."""

    async def setting(self, name: str) -> str | None:
        """A stored setting; ``None`` if there is none."""
        ...

    async def set_setting(self, name: str, value: str) -> None:
        """Store a setting."""
        ...


class KnowledgeSwitch:
    """The stored choices of all servers, each read once."""

    def __init__(self, store: StoredSettings) -> None:
        self._store = store
        self._on: dict[int, bool] = {}

    async def is_on(self, server: int | None) -> bool:
        """Whether the knowledge is used on a server. In private, and outside of Discord (``None``), it always is."""
        if server is None:
            return True
        if server not in self._on:
            stored = await self._store.setting(_name(server))
            # A choice that was made meanwhile counts more than what was stored before.
            self._on.setdefault(server, stored != "off")
        return self._on[server]

    async def set(self, server: int, *, on: bool) -> None:
        """Switch the use of the knowledge on or off on a server."""
        await self._store.set_setting(_name(server), "on" if on else "off")
        self._on[server] = on


def _name(server: int) -> str:
    return f"knowledge:{server}"
