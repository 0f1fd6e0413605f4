"""The bot's user agent for HTTP requests."""

from __future__ import annotations

from types import MappingProxyType

from config.version import VERSION

USER_AGENT = f"Seiyuu/{VERSION} (self-hosted companion for Discord)"
HEADERS = MappingProxyType({"User-Agent": USER_AGENT})
"""Headers for every HTTP session. Some servers refuse requests without a user agent."""
