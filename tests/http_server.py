"""A small web server on loopback. It stands in for the services with which the tested programs talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer:
    """Serves a web application on a free port. Use it as an async context manager.

    Args:
        path: the part of :attr:`url` behind the port.
        scheme: the scheme of :attr:`url`: ``http``, or ``ws`` for a WebSocket.
        cancels: whether a handler is cancelled when its client disconnects.
        shutdown_timeout: how many seconds handlers get to finish when the server stops.

    Attributes:
        url: the address; empty until the server has started.
        port: the port; 0 until the server has started.
    """

    def __init__(
        self,
        app: web.Application,
        path: str = "",
        *,
        scheme: str = "http",
        cancels: bool = False,
        shutdown_timeout: float = 0.1,
    ) -> None:
        self.url = ""
        self.port = 0
        self._scheme = scheme
        self._path = path
        self._stopped = False
        self._runner = web.AppRunner(app, handler_cancellation=cancels, shutdown_timeout=shutdown_timeout)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"{self._scheme}://127.0.0.1:{self.port}{self._path}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close every connection and the port. A second call does nothing."""
        if not self._stopped:
            self._stopped = True
            await self._runner.cleanup()


def app_of(path: str, handler: Handler, *, method: str = "POST", largest: int = 1024**2) -> web.Application:
    """A web application with one route. ``largest`` is the longest request body that it accepts, in bytes."""
    app = web.Application(client_max_size=largest)
    app.router.add_route(method, path, handler)
    return app
