"""Tests of waiting, over real sockets: a model server is not ready, and the client asks again until it is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from email.utils import formatdate

import pytest
from aiohttp import web

from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from tests.llm.answers import texts
from tests.llm.asking import ANSWER, HELLO, OPTIONS, reply
from tests.llm.servers import Recorded, answering, begin_stream, event, for_ever, serving, streaming
from tests.timing import clock_of_the_loop, let_run

LOADING = answering(503, '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}')


async def test_a_server_that_loads_is_asked_until_it_answers() -> None:
    server = Recorded(LOADING, LOADING, LOADING, ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."
    assert len(server.bodies) == 4


@pytest.mark.parametrize("after", ["1", "0.5", formatdate(0, usegmt=True)])
async def test_an_overloaded_server_is_asked_again_at_the_time_that_it_names(after: str) -> None:
    busy = answering(429, '{"error":{"message":"slow down"}}', headers={"Retry-After": after})
    server = Recorded(busy, ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        begun = asyncio.get_running_loop().time()
        assert await reply(client) == "Hello."
        waited = asyncio.get_running_loop().time() - begun
    assert waited >= (float(after) if "." in after or after == "1" else 0)


@pytest.mark.parametrize("after", ["3600", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_an_overloaded_server_that_names_a_late_time_is_not_waited_for(after: str) -> None:
    busy = answering(429, '{"error":{"message":"slow down"}}', headers={"Retry-After": after})
    server = Recorded(busy)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, first_token_timeout=20)) as client:
        with pytest.raises(ModelError, match="too many requests") as caught:
            await reply(client)
    assert caught.value.status == 429


async def test_a_loading_server_is_asked_again_soon_even_if_it_names_a_late_time() -> None:
    loading = answering(503, "", headers={"Retry-After": "86400"})
    server = Recorded(loading, ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."


@pytest.mark.parametrize("after", ["-5", "NaN", "inf", "soon", "1e999", ""])
async def test_a_nonsensical_time_is_ignored(after: str) -> None:
    server = Recorded(answering(503, "", headers={"Retry-After": after}), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."


async def test_a_used_up_quota_is_reported_at_once() -> None:
    used_up = answering(429, '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}')
    server = Recorded(used_up)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        with pytest.raises(ModelError, match="no credit left"):
            await reply(client)
    assert len(server.bodies) == 1


async def test_waiting_for_a_loading_server_is_reported_once() -> None:
    server = Recorded(LOADING, LOADING, LOADING, ANSWER)
    told: list[str] = []
    options = replace(OPTIONS, loading_notice_after=0.3)
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        async with aclosing(
            client.text(HELLO, progress=AnswerProgress(loading=lambda: told.append("loading")))
        ) as pieces:
            assert await texts(pieces) == ["Hello."]
        assert told == ["loading"]
        async with aclosing(
            client.text(HELLO, progress=AnswerProgress(loading=lambda: told.append("again")))
        ) as pieces:
            assert await texts(pieces) == ["Hello."]
    assert told == ["loading"]


async def test_a_server_that_says_in_its_stream_that_it_loads_is_waited_for() -> None:
    loading = streaming(event({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}))
    server = Recorded(loading, loading, ANSWER)
    told: list[str] = []
    options = replace(OPTIONS, loading_notice_after=0.3)
    async with (
        serving(server) as url,
        ModelClient(replace(options, url=url)) as client,
        aclosing(client.text(HELLO, progress=AnswerProgress(loading=lambda: told.append("loading")))) as pieces,
    ):
        assert await texts(pieces) == ["Hello."]
    assert len(server.bodies) == 3
    assert told == ["loading"]


async def test_a_server_that_always_says_in_its_stream_that_it_loads_is_reported() -> None:
    with clock_of_the_loop() as let_pass:

        async def loading(request: web.Request) -> web.StreamResponse:
            let_pass(20.0)
            return await streaming(event({"error": {"code": 503, "message": "Loading model"}}))(request)

        async with serving(loading) as url, ModelClient(replace(OPTIONS, url=url, first_token_timeout=50)) as client:
            with pytest.raises(ModelError, match="Loading model"):
                await texts(client.text(HELLO))


@pytest.mark.parametrize("accepts", [False, True])
async def test_a_server_that_said_that_it_loads_and_then_says_nothing_is_reported_as_loading(accepts: bool) -> None:
    with clock_of_the_loop() as let_pass:

        async def silent(request: web.Request) -> web.StreamResponse:
            response = await begin_stream(request) if accepts else web.Response()
            let_pass(OPTIONS.first_token_timeout)
            await for_ever()
            return response

        server = Recorded(LOADING, silent)
        async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
            with pytest.raises(ModelError, match="Loading model"):
                await texts(client.text(HELLO))
    assert len(server.bodies) == 2


async def test_a_short_wait_is_not_reported() -> None:
    server = Recorded(LOADING, ANSWER)
    told: list[str] = []
    async with (
        serving(server) as url,
        ModelClient(replace(OPTIONS, url=url, loading_notice_after=60)) as client,
        aclosing(client.text(HELLO, progress=AnswerProgress(loading=lambda: told.append("loading")))) as pieces,
    ):
        assert await texts(pieces) == ["Hello."]
    assert told == []


async def test_cancelling_ends_the_wait_at_once() -> None:
    asked = asyncio.Event()

    async def loading(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await answering(503, "", headers={"Retry-After": "10"})(request)

    async with serving(loading) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        task = asyncio.create_task(reply(client))
        await asked.wait()
        await let_run(0.05)
        task.cancel()
        async with asyncio.timeout(60):
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error":"model is loading"}'),
        (400, '{"error":{"message":"Model is loading, please wait"}}'),
        (404, '{"error":"model not loaded yet"}'),
        (425, "too early"),
        (502, "<html><h1>Bad Gateway</h1></html>"),
        (504, "gateway timeout"),
    ],
)
async def test_a_server_that_is_not_ready_is_waited_for_with_any_status(status: int, body: str) -> None:
    server = Recorded(answering(status, body), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."
    assert len(server.bodies) == 2


async def test_a_wait_of_minutes_is_not_mistaken_for_one_of_seconds() -> None:
    server = Recorded(answering(429, '{"error":{"message":"Please try again in 1m0.2s."}}'), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        with pytest.raises(ModelError):
            await reply(client)
    assert len(server.bodies) == 1


async def test_a_gateway_without_a_server_is_not_asked_for_ever() -> None:
    server = Recorded(answering(502, "Bad Gateway"))
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, first_token_timeout=30)) as client:
        with pytest.raises(ModelError, match="502"):
            await reply(client)
    assert len(server.bodies) == 4
