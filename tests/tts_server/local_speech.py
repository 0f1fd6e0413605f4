"""Serves the speech server's application on loopback, as ``python -m tts_server`` does."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from tts_server.api.listener import Listener


class LocalSpeech:
    """Listens on a free port. Use it as an async context manager.

    Args:
        shutdown_timeout: how many seconds handlers get to finish when the server stops.

    Attributes:
        url: the address; empty until the server has started.
        port: the port; 0 until the server has started.
    """

    def __init__(self, application: web.Application, shutdown_timeout: float = 0.1) -> None:
        self.url = ""
        self.port = 0
        self._listener = Listener(application, shutdown_timeout)

    async def __aenter__(self) -> Self:
        await self._listener.listen("127.0.0.1", 0)
        self.port = self._listener.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close every connection and the port. A second call does nothing."""
        await self._listener.close()
