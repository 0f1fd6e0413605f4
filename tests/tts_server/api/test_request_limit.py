"""Requests to ``/v1/`` have a rate limit, and other requests have none."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from tests.http_server import LocalServer
from tests.timing import Clock
from tts_server.api.access import RequestLimit


async def test_a_client_is_told_when_to_come_again() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    clock = Clock()
    application = web.Application(middlewares=[RequestLimit(2, clock).middleware])
    application.add_routes([web.get("/v1/voices", answer), web.get("/health", answer)])
    async with LocalServer(application) as server, aiohttp.ClientSession() as session:
        statuses: list[int] = []
        for _ in range(3):
            async with session.get(server.url + "/v1/voices") as response:
                statuses.append(response.status)
        assert statuses == [200, 200, 429]
        assert response.headers["Retry-After"] == "30"
        for _ in range(5):
            async with session.get(server.url + "/health") as response:
                assert response.status == 200
        clock.now += 30
        async with session.get(server.url + "/v1/voices") as response:
            assert response.status == 200
