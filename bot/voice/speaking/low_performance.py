"""Asking the speech server to spare its engine, and to use it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.voice.speaking.tts_health import TIME_LIMIT, health_url


class LowPerformanceError(Exception):
    """The server could not be asked; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Performance:
    """The name of the engine that speaks now; ``spares_nothing``: it was to give way, and there is no simpler one."""

    engine: str
    spares_nothing: bool = False


class LowPerformance:
    """The low-performance mode of the speech server behind a WebSocket address.

    Args:
        token: the shared secret, where the server wants one.
    """

    def __init__(self, http: aiohttp.ClientSession, websocket_url: str, token: str | None) -> None:
        self._http = http
        self._url = health_url(websocket_url).with_path("/v1/performance")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, *, low: bool) -> Performance:
        """Turn it on or off; raises :class:`LowPerformanceError`."""
        try:
            before = await self._send("GET")
            now = await self._send("PUT", {"low": low})
            engine = str(now["speaking"])
            return Performance(engine, spares_nothing=low and not before["low"] and before["speaking"] == engine)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            raise LowPerformanceError(
                "❌ The speech server can't be reached, or has no low-performance mode."
            ) from error

    async def _send(self, method: str, body: dict[str, bool] | None = None) -> dict[str, Any]:
        async with self._http.request(
            method, self._url, json=body, headers=self._headers, timeout=TIME_LIMIT
        ) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer
