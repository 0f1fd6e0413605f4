"""Tokens that a server counts itself: it receives more of a long conversation than one whose tokens are estimated."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.counted_tokens import count_tokens
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, Recorded, said, serving, streaming

OPTIONS = ModelOptions("", model="m", connect_timeout=20)


class CountingServer:
    """A server that tells its context size, counts one token for four characters, and answers."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.counted = asyncio.Event()
        self.answer = Recorded(streaming(said("Yes."), FINISHED))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/props":
                return web.json_response({"default_generation_settings": {"n_ctx": self.size}})
            case "/tokenize":
                body = await request.json()
                self.counted.set()
                return web.json_response({"tokens": [1] * (len(body["content"]) // 4)})
            case "/v1/chat/completions":
                return await self.answer(request)
        return web.Response(status=404)


async def test_a_server_that_counts_tokens_receives_more_of_the_conversation() -> None:
    server = CountingServer(2_048)
    messages = [ChatMessage("user", "word " * 60), ChatMessage("assistant", "word " * 60)] * 20
    messages.append(ChatMessage("user", "And?"))
    async with (
        serving(server.handle, llama_paths=True) as url,
        ModelClient(replace(OPTIONS, url=url)) as client,
    ):
        await client.learn_context_size()
        assert await texts(client.text(messages)) == ["Yes."]
        async with asyncio.timeout(30):
            await server.counted.wait()
            while len(server.answer.bodies[-1]["messages"]) == len(server.answer.bodies[0]["messages"]):
                assert await texts(client.text(messages)) == ["Yes."]
    first, last = server.answer.bodies[0], server.answer.bodies[-1]
    assert len(last["messages"]) > len(first["messages"])
    sent = sum(len(message["content"]) // 4 for message in last["messages"])
    assert 1_200 < sent <= 2_048 - 500


async def test_the_tokens_of_a_short_conversation_are_not_counted() -> None:
    server = CountingServer(8_192)
    async with (
        serving(server.handle, llama_paths=True) as url,
        ModelClient(replace(OPTIONS, url=url)) as client,
    ):
        await client.learn_context_size()
        assert await texts(client.text([ChatMessage("user", "Hello?")])) == ["Yes."]
    assert not server.counted.is_set()


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"tokens": [1, 2, 3]}, 7),
        ({"count": 9, "max_model_len": 4096, "tokens": [1]}, 13),
        ({"tokens": []}, None),
        ({"count": -1}, None),
        ([], None),
        ("x", None),
    ],
)
async def test_token_counts_are_read(told: object, count: int | None) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(told)

    async with serving(handler) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await count_tokens(client._connections(), client.options, [ChatMessage("user", "Hi")]) == count
