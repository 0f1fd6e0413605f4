"""Asking the speech server to spare its engine, and to use it again."""

from __future__ import annotations

import aiohttp

from bot.voice.speaking.tts_health import TIME_LIMIT, health_url


class LowPerformanceError(Exception):
    """The server could not be asked; the text says why, for people."""


class LowPerformance:
    """The low-performance mode of the speech server behind a WebSocket address.

    Args:
        token: the shared secret, where the server wants one.
    """

    def __init__(self, http: aiohttp.ClientSession, websocket_url: str, token: str | None) -> None:
        self._http = http
        self._url = health_url(websocket_url).with_path("/v1/performance")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, *, low: bool) -> str:
        """Turn it on or off, and return the name of the engine that speaks now; raises :class:`LowPerformanceError`."""
        try:
            async with self._http.put(
                self._url, json={"low": low}, headers=self._headers, timeout=TIME_LIMIT
            ) as response:
                response.raise_for_status()
                return str((await response.json(content_type=None))["speaking"])
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            raise LowPerformanceError(
                "❌ The speech server can't be reached, or has no low-performance mode."
            ) from error
