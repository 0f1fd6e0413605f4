"""Benchmarks of hostile clients and of the first paint, without a bot.

The first counts refusals, and tells growing memory. The second tells whether every visit met the targets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from benchmarks.errors import MeasurementError
from benchmarks.first_paint import verdicts as paint_verdicts
from benchmarks.hostile_clients import HostileClients
from benchmarks.hostile_inputs import MIB, growth_verdict
from tests.http_server import LocalServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Bot:
    """Stands in for a bot whose memory can be measured for ``rounds`` rounds. After them, the bot is gone."""

    def __init__(self, page: str, rounds: int) -> None:
        self.page = page
        self._left = rounds + 1

    def memory(self) -> int:
        if self._left == 0:
            raise EOFError
        self._left -= 1
        return 100


async def refuse(request: web.Request) -> web.StreamResponse:
    """Refuse everything. A WebSocket is opened, and the first message to the client is the refusal."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise web.HTTPForbidden
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str('{"type": "error", "code": "origin", "message": "No."}')
    await socket.close(code=1008)
    return socket


async def accept(request: web.Request) -> web.StreamResponse:
    return web.Response(text="Welcome.")


def server(handler: Handler) -> LocalServer:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return LocalServer(app, "/")


async def test_a_round_has_at_least_two_hundred_inputs_and_all_are_counted() -> None:
    async with server(refuse) as bot:
        clients = HostileClients(pause=0.0)
        with pytest.raises(EOFError):
            await clients(Bot(bot.url, rounds=1))
    assert clients.refused >= 200
    assert clients.memory == [100, 100]


async def test_a_request_that_is_not_refused_fails_the_measurement() -> None:
    async with server(accept) as bot:
        with pytest.raises(MeasurementError, match="was not refused"):
            await HostileClients(pause=0.0)(Bot(bot.url, rounds=1))


def test_memory_that_grows_after_the_first_round_is_reported() -> None:
    assert growth_verdict([100 * MIB, 150 * MIB, 155 * MIB, 159 * MIB])[1]
    assert not growth_verdict([100 * MIB, 150 * MIB, 161 * MIB, 152 * MIB])[1]
    assert growth_verdict([100 * MIB, 150 * MIB])[1], "one round alone shows no growth"


def test_one_late_paint_or_one_large_page_misses_its_target() -> None:
    quick, late, large = ({"paint": paint, "bytes": size} for paint, size in ((200, 9), (1_001, 9), (200, 300_001)))
    assert [met for _, met in paint_verdicts([quick])] == [True, True]
    assert [met for _, met in paint_verdicts([quick, late])] == [False, True]
    assert [met for _, met in paint_verdicts([quick, large])] == [True, False]
