"""What the bot calls itself to servers that it asks."""

from __future__ import annotations

from types import MappingProxyType

from config.version import VERSION

USER_AGENT = f"Seiyuu/{VERSION} (self-hosted companion for Discord)"
HEADERS = MappingProxyType({"User-Agent": USER_AGENT})
"""For every HTTP session: some servers refuse programs that do not say who they are."""
