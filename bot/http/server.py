"""The bot's HTTP server: the order of its checks, its routes, and its start and end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiohttp import web

from bot.binding import web_url
from bot.http.access import Access
from bot.http.bodies import MAX_BYTES, refuse_compressed
from bot.http.cookie import CookieSeal
from bot.http.errors import errors_as_json
from bot.http.headers import add_protection
from bot.http.health import PATH as HEALTH
from bot.http.health import HealthApi
from bot.http.limits import ChangeLimit, SocketLimit
from bot.http.login import Login
from bot.http.page import Page
from bot.http.serving import Serving
from config.sections import WebSettings
from web_access.origins import AllowedOrigins


class WebServer:
    """The HTTP server. Use it only on the event loop.

    Each request passes the checks of :mod:`bot.http.access` before its route runs. Routes raise
    :class:`~bot.http.errors.HttpError`, and read bodies with :mod:`bot.http.bodies`.

    Args:
        routes: the routes of other parts. All of them need the token, if there is one.
        health: returns the fields of ``python -m bot health``.
        clock: returns monotonic seconds.

    Attributes:
        application: the application, to be served by :meth:`serve`. Parts may add to its ``on_shutdown``.
        url: the address of the page; empty until :meth:`serve`.
    """

    def __init__(
        self,
        settings: WebSettings,
        routes: Iterable[web.AbstractRouteDef],
        health: Callable[[], Mapping[str, str]],
        page: Page,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = ""
        token = settings.token.get_secret_value() if settings.token is not None else None
        seal = CookieSeal(token) if token is not None else None
        origins = AllowedOrigins(settings.allowed_origins)
        access = Access(settings, origins, {HEALTH, *page.paths}, seal, clock)
        self.application = web.Application(
            middlewares=[
                errors_as_json,
                access.middleware,
                SocketLimit().middleware,
                ChangeLimit(clock).middleware,
                refuse_compressed,
            ],
            client_max_size=MAX_BYTES,
        )
        self.application.add_routes(
            [*page.routes, *HealthApi(health).routes, *Login(token, seal, clock).routes, *routes]
        )
        self.application.on_response_prepare.append(add_protection)
        self.application.on_response_prepare.append(origins.add_cors_headers)
        self._serving = Serving(self.application)

    async def serve(self, listening: Sequence[socket.socket]) -> None:
        """Answer on the sockets of :func:`~bot.binding.take_port`, which belong to the server from then on."""
        self.url = web_url(tuple(listening))
        await self._serving.serve(listening)

    def refuse_connections(self) -> None:
        """Take no further connections. The open connections go on until :meth:`close`."""
        self._serving.refuse_connections()

    async def close(self) -> None:
        """Close all connections and the port. May be called before :meth:`serve`, and more than once."""
        await self._serving.close()
