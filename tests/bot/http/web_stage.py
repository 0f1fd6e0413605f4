"""The bot's HTTP server on a free port of loopback, with a few routes of the test's own, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from bot.binding import take_port
from bot.http.bodies import read_object
from bot.http.errors import HttpError
from bot.http.page import Page, PageFile
from bot.http.server import WebServer
from config.sections import WebSettings
from tests.timing import Clock

SECRET = "correct horse"
STATE = {
    "status": "degraded",
    "discord": "off",
    "model": "ready",
    "ears": "unknown",
    "voice": "The speech server at 192.168.1.20 can't be reached.",
    "call": "idle",
}
PAGE = Page(
    {
        "index.html": PageFile(b"<!doctype html>", "text/html; charset=utf-8", "tag-of-index"),
        "app.js": PageFile(b"export {};", "text/javascript; charset=utf-8", "tag-of-app"),
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    @property
    def code(self) -> str:
        """The error code; an empty text if the answer is not an error."""
        return str(self.json["error"]["code"]) if isinstance(self.json, dict) and "error" in self.json else ""


class WebStage:
    """The running server, and a client without cookies."""

    def __init__(self, server: WebServer, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.server = server
        self.session = session
        self.clock = clock

    @property
    def port(self) -> int:
        return int(self.server.url.rstrip("/").rpartition(":")[2])

    def url(self, path: str) -> str:
        return self.server.url.rstrip("/") + path

    async def ask(self, path: str, method: str = "GET", **options: Any) -> Answer:
        async with self.session.request(method, self.url(path), allow_redirects=False, **options) as answer:
            text = await answer.text(errors="replace")
            json = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, answer.headers, text, json)

    async def log_in(self, token: object = SECRET, **options: Any) -> Answer:
        return await self.ask("/login", "POST", json={"token": token}, **options)

    async def cookie(self) -> str:
        """A cookie of the login, as a client sends it back."""
        answer = await self.log_in()
        assert answer.status == 204
        return answer.headers["Set-Cookie"].partition(";")[0]


def bearer(token: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def own_routes() -> Sequence[web.RouteDef]:
    """A route that answers, one that takes an object, three that fail, and a WebSocket that answers each text."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"good": True})

    async def take(request: web.Request) -> web.Response:
        return web.json_response({"fields": sorted(await read_object(request))})

    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError("a secret of the inside")

    async def lose(_: web.Request) -> web.Response:
        raise ConnectionRefusedError("the secret of another server")

    async def busy(_: web.Request) -> web.Response:
        raise HttpError(503, "loading", "My mind is waking up.", retry_after=1.2)

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(str(message.data))
        return socket

    return [
        web.get("/thing", answer),
        web.post("/thing", take),
        web.get("/fail", fail),
        web.get("/lost", lose),
        web.get("/busy", busy),
        web.get("/ws/echo", echo),
    ]


@asynccontextmanager
async def web_stage(
    token: str | None = None,
    allowed: Sequence[str] = (),
    *,
    page: Page = PAGE,
    routes: Callable[[], Sequence[web.AbstractRouteDef]] = own_routes,
) -> AsyncIterator[WebStage]:
    """Run the server while the block runs."""
    settings = WebSettings(
        bind="127.0.0.1:0",
        token=SecretStr(token) if token is not None else None,
        allowed_origins=tuple(allowed),
        chosen=frozenset({"bind"}),
    )
    clock = Clock()
    server = WebServer(settings, routes(), lambda: STATE, page, clock)
    try:
        await server.serve(take_port(settings))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield WebStage(server, session, clock)
    finally:
        await server.close()
