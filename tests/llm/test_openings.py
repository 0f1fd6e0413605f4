"""Beginnings of replies: a tiny model continues one, so that it does not begin with a person's name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.requests import ModelOptions
from config.sections import ModelApi
from tests.llm.answers import texts
from tests.llm.servers import DONE, begin_stream, event, serving

HELLO = (ChatMessage("user", "Ada: hi"),)
ADA_AND_MIKA = SpeakerNames(("Mika",), ("Ada",))


class Parrot:
    """A model server with a tiny model. Like a real one, it begins with the asker's name unless its reply is begun.

    Args:
        slots: whether it is llama.cpp's server, which continues the beginning of a reply.
        refuses: whether it refuses to continue a reply, as llama.cpp does for a model that thinks first.
    """

    def __init__(self, *, slots: bool, refuses: bool = False) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.rest = asyncio.Event()
        """The rest of the reply is written after this event."""
        self._slots = slots
        self._refuses = refuses

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/props" and self._slots:
            return web.json_response({"total_slots": 2})
        if not request.path.endswith("/completions"):
            return web.Response(status=404)
        body = await request.json()
        self.bodies.append(body)
        begun = body.get("prompt", body.get("messages", [{}])[-1].get("content", "")).endswith("Mika:")
        if begun and self._refuses:
            refusal = "Assistant response prefill is incompatible with enable_thinking."
            return web.json_response({"error": {"message": refusal}}, status=400)
        response = await begin_stream(request)
        for piece in (*(() if begun else ("Ada", ":")), " I am", " fine, "):
            await response.write(_piece(piece))
        await self.rest.wait()
        await response.write(_piece("thanks.", "stop") + DONE)
        return response


def _piece(text: str, finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "text": text, "finish_reason": finish}]})


@asynccontextmanager
async def parrot(
    name: str = "m-135m", *, slots: bool = True, refuses: bool = False, api: ModelApi = ModelApi.CHAT
) -> AsyncIterator[tuple[Parrot, ModelClient]]:
    server = Parrot(slots=slots, refuses=refuses)
    async with (
        serving(server.handle, own_paths=True) as url,
        ModelClient(ModelOptions(url, api, model=name)) as client,
    ):
        await client.learn_slots()
        yield server, client


async def whole_answer(server: Parrot, client: ModelClient) -> str:
    server.rest.set()
    return "".join(await texts(client.text(HELLO, speakers=ADA_AND_MIKA)))


@pytest.mark.parametrize("api", [ModelApi.CHAT, ModelApi.COMPLETIONS])
async def test_the_first_words_of_a_tiny_model_do_not_wait_for_its_whole_answer(api: ModelApi) -> None:
    async with (
        parrot(api=api) as (server, client),
        asyncio.timeout(10),
        aclosing(client.text(HELLO, speakers=ADA_AND_MIKA)) as answer,
    ):
        assert (await anext(answer)).text == "I"
        server.rest.set()


async def test_a_tiny_model_answers_after_the_personas_name() -> None:
    async with parrot() as (server, client):
        assert await whole_answer(server, client) == "I am fine, thanks."
        *before, last = server.bodies[0]["messages"]
        assert last == {"role": "assistant", "content": "Mika:"}
        assert [message["content"] for message in before] == ["Ada: hi"]
        await client.warm_up(HELLO)
        assert len(server.bodies[1]["messages"]) == 1, "in a warm-up nobody answers"


@pytest.mark.parametrize(("name", "slots"), [("m-1.5b", True), ("m-7b", True), ("m", True), ("m-135m", False)])
async def test_other_models_and_servers_begin_as_they_like(name: str, slots: bool) -> None:
    async with parrot(name, slots=slots) as (server, client):
        assert await whole_answer(server, client) == "I am fine, thanks."
        assert len(server.bodies[0]["messages"]) == 1


async def test_a_tiny_model_that_can_not_be_given_a_beginning_is_asked_once_without() -> None:
    async with parrot(refuses=True) as (server, client):
        assert await whole_answer(server, client) == "I am fine, thanks."
        assert await whole_answer(server, client) == "I am fine, thanks."
        assert [len(body["messages"]) for body in server.bodies] == [2, 1, 1]
