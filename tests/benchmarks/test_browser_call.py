"""The parts of the benchmark of calls in the browser that need no browser: gaps in a tone, and late messages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from benchmarks.browser.gaps import Quiet, gaps, quiet_places, voiced
from benchmarks.browser.late_proxy import LateProxy
from benchmarks.browser.turns import last_voiced
from tests.http_server import LocalServer
from tests.tones import tone

RATE = 44_100


def test_a_tone_without_a_break_has_no_gap() -> None:
    assert quiet_places(0.2 * tone(2.0, 220, rate=RATE), RATE) == []


def test_silence_within_a_tone_is_a_gap_and_silence_around_it_is_none() -> None:
    sound = np.pad(0.2 * tone(2.0, 220, rate=RATE), RATE)
    sound[2 * RATE : 2 * RATE + RATE // 20] = 0
    (quiet,) = quiet_places(voiced(sound), RATE)
    assert quiet.at == pytest.approx(1.0, abs=0.001)
    assert quiet.length == pytest.approx(0.05, abs=0.001)
    assert gaps([quiet], []) == [round(1000 * quiet.length, 1)]


def test_a_pause_in_the_sent_sound_is_no_gap_even_if_the_page_makes_it_longer_or_shorter() -> None:
    sent = [Quiet(1.0, 0.017), Quiet(3.0, 0.017), Quiet(5.0, 0.02)]
    assert gaps(sent, sent) == []
    assert gaps([Quiet(1.0, 0.027), Quiet(3.01, 0.007), Quiet(5.0, 0.02)], sent) == []


def test_a_gap_is_found_anywhere_even_if_the_sound_after_it_comes_later() -> None:
    sent = [Quiet(1.0, 0.017), Quiet(3.0, 0.017)]
    assert gaps([Quiet(1.0, 0.017), Quiet(2.0, 0.05), Quiet(3.05, 0.017)], sent) == [50.0]
    assert gaps([Quiet(1.0, 0.067), Quiet(3.05, 0.017)], sent) == [50.0]


def test_silence_alone_has_no_gap() -> None:
    assert quiet_places(voiced(np.zeros(RATE, np.float32)), RATE) == []


def test_the_last_voiced_sample_is_that_of_the_words_and_not_of_the_silence_behind_them() -> None:
    words = np.pad(0.3 * tone(1.0, 220, rate=48_000), (0, 48_000))
    assert last_voiced(words) == pytest.approx(1.0, abs=0.011)


@pytest.fixture
async def bot() -> AsyncIterator[LocalServer]:
    """A server that sends a hundred numbers over its socket and repeats what it hears until the goodbye."""

    async def chat(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for number in range(100):
            await socket.send_bytes(bytes([number]))
        async for message in socket:
            if message.data == "goodbye":
                break
            await socket.send_str(json.dumps({"origin": request.headers["Origin"], "said": message.data}))
        return socket

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=request.path, content_type="text/css")

    app = web.Application()
    app.add_routes([web.get("/ws/chat", chat), web.get("/{path:.*}", page)])
    async with LocalServer(app) as server:
        yield server


async def test_late_messages_keep_their_order_and_nothing_is_lost(bot: LocalServer) -> None:
    async with LateProxy(0.05, seed=1) as proxy, aiohttp.ClientSession() as session:
        url = await proxy.address_for(f"{bot.url}/")
        async with session.get(f"{url}style.css") as answer:
            assert (answer.content_type, await answer.text()) == ("text/css", "/style.css")
        async with session.ws_connect(f"{url}ws/chat") as socket:
            assert [await socket.receive_bytes() for _ in range(100)] == [bytes([number]) for number in range(100)]
            await socket.send_str("hello")
            assert await socket.receive_json() == {"origin": bot.url, "said": "hello"}
    assert proxy.messages == 101
    assert 0 < proxy.late < 20


async def test_the_socket_that_the_bot_closes_is_closed_for_the_page_too(bot: LocalServer) -> None:
    async with (
        LateProxy(0.0, seed=1) as proxy,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{await proxy.address_for(bot.url)}ws/chat") as socket,
    ):
        await socket.send_str("goodbye")
        assert len([message async for message in socket]) == 100
    assert proxy.late == 0
