"""Rate limit per client."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from tests.http_server import LocalServer
from tests.timing import Clock
from tts_server.api.access import MAX_CLIENTS, ClientRateLimit


def test_so_many_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    limit = ClientRateLimit(6, clock)
    assert [limit.wait("a") for _ in range(6)] == [0.0] * 6
    assert limit.wait("a") == pytest.approx(10)
    clock.now += 9.9
    assert limit.wait("a") == pytest.approx(0.1)
    clock.now += 0.2
    assert limit.wait("a") == 0
    assert limit.wait("a") > 9


def test_quiet_does_not_add_up() -> None:
    clock = Clock()
    limit = ClientRateLimit(2, clock)
    clock.now += 3600
    assert [limit.wait("a") == 0 for _ in range(4)] == [True, True, False, False]


def test_clients_are_counted_apart_and_forgotten() -> None:
    limit = ClientRateLimit(1, Clock())
    assert limit.wait("a") == 0
    assert limit.wait("b") == 0
    assert limit.wait("a") > 0
    for number in range(MAX_CLIENTS):
        limit.wait(str(number))
    assert limit.wait("a") == 0


async def test_a_client_is_told_when_to_come_again() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    clock = Clock()
    application = web.Application(middlewares=[ClientRateLimit(2, clock).middleware])
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
