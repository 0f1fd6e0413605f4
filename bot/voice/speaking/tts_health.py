"""Asking the speech server how it is."""

from __future__ import annotations

import aiohttp
from yarl import URL

TIME_LIMIT = aiohttp.ClientTimeout(total=2)


def health_url(websocket_url: str) -> URL:
    """Where the health of the server behind a WebSocket address is told."""
    url = URL(websocket_url)
    return url.with_scheme("https" if url.scheme == "wss" else "http").with_path("/health").with_query(None)


async def describe_voice(session: aiohttp.ClientSession, websocket_url: str) -> str:
    """Say in a few words which engine speaks, or that the server can't be reached; never raises."""
    url = health_url(websocket_url)
    try:
        async with session.get(url, timeout=TIME_LIMIT) as response:
            health = await response.json(content_type=None)
            return f"{health['engine']} at {url.host}:{url.port}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
        return f"⚠️ no speech server answers at {url.host}:{url.port}"
