"""Asking the speech server how it is."""

from __future__ import annotations

from typing import Any

import aiohttp
from yarl import URL

_WHY = {
    "loading": "not loaded yet",
    "too_slow": "too slow just now",
    "out_of_memory": "the card is full",
    "failed": "it failed",
    "asked": "low-performance mode",
}
TIME_LIMIT = aiohttp.ClientTimeout(total=2)


def health_url(websocket_url: str) -> URL:
    """Where the health of the server behind a WebSocket address is told."""
    url = URL(websocket_url)
    return url.with_scheme("https" if url.scheme == "wss" else "http").with_path("/health").with_query(None)


async def describe_voice(session: aiohttp.ClientSession, websocket_url: str) -> str:
    """Say in a few words which engine speaks, and why if another stands in for it, or that the server is away.

    Never raises.
    """
    url = health_url(websocket_url)
    try:
        async with session.get(url, timeout=TIME_LIMIT) as response:
            health = await response.json(content_type=None)
            return f"{_engine(health)} at {url.host}:{url.port}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
        return f"⚠️ no speech server answers at {url.host}:{url.port}"


def _engine(health: dict[str, Any]) -> str:
    wanted, speaking, state = health["engine"], health.get("speaking"), health.get("state")
    if state in (None, "ready") or speaking == wanted:
        return str(wanted)
    progress = f", {100 * health['loading']:.0f} %" if health.get("loading") is not None else ""
    return f"{speaking}, in place of {wanted} ({_WHY.get(state, 'away')}{progress})"
