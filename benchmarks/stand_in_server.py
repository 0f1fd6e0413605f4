"""A local server with an OpenAI-style API, the base of the stand-in model and the stand-in transcriber."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

_MAX_REQUEST = 16 * 1024**2


class StandInServer:
    """Serves one POST route and the list of models on a free port. Use it as an async context manager.

    Args:
        path: the route below ``/v1``.
        handler: answers its requests.

    Attributes:
        url: the address with ``/v1``; empty until the server has started.
    """

    def __init__(self, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        self.url = ""
        app = web.Application(client_max_size=_MAX_REQUEST)
        app.router.add_post(f"/v1{path}", handler)
        app.router.add_get("/v1/models", _list_models)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()


async def _list_models(_: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "stand-in"}]})
