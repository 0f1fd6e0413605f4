"""Slots: requests of a call stay in one slot of llama.cpp's server, and other servers get no field for slots."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.slots import CALL_SLOT, CallSlots
from bot.llm.usage import TokenUsage
from config.engine_sections import ModelApi
from tests.llm.servers import DONE, event, said, serving, streaming
from tests.llm.tool_doubles import WEATHER

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))
TIMINGS = {"cache_n": 40, "prompt_n": 8}
OPTIONAL_FIELDS = {"id_slot", "cache_prompt", "timings_per_token", "stream_options"}
"""The fields for slots and for the count of tokens. A request has only those that its server knows."""


@dataclass(eq=False)
class Server:
    """A model server that answers ``Hello.``, and refuses the fields in ``refused`` with the text ``refusal``.

    ``props`` is what it says at ``/props``, where llama.cpp tells its slots; with ``None`` it says nothing there.
    """

    props: object = None
    refused: frozenset[str] = frozenset()
    refusal: str = "Unrecognized request argument supplied: {field}"
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/props":
            return web.json_response(self.props) if self.props is not None else web.Response(status=404)
        if request.method == "GET" or not request.path.endswith(("/completions", "/completion")):
            return web.Response(status=404)
        body = await request.json()
        self.bodies.append(body)
        if named := sorted(self.refused & body.keys()):
            return web.json_response({"error": {"message": self.refusal.format(field=named[0])}}, status=400)
        counts: dict[str, object] = {"timings": TIMINGS} if "timings_per_token" in body else {}
        last: list[bytes] = []
        if body.get("stream_options") == {"include_usage": True}:
            usage = {"prompt_tokens": 48, "prompt_tokens_details": {"cached_tokens": 32}}
            last = [event({"choices": [], "usage": usage})]
        choice = {"index": 0, "delta": {"content": "Hello."}, "text": "Hello.", "finish_reason": None}
        first = event({"choices": [choice], **counts})
        if request.path.endswith("/completion"):
            first = event({"content": "Hello.", "stop": True, "timings": TIMINGS})
        return await streaming(first, said("", "stop"), *last, DONE)(request)


@asynccontextmanager
async def asking(server: Server, **options: Any) -> AsyncIterator[ModelClient]:
    async with serving(server.handle, llama_paths=True) as url:
        base = url.removesuffix("/v1") if options.get("api") is ModelApi.COMPLETION else url
        async with ModelClient(ModelOptions(base, **options)) as client:
            await client.learn_slots()
            yield client


async def answer(client: ModelClient, slot: int | None = CALL_SLOT) -> TokenUsage | None:
    """Ask as a call does; returns the counts that were reported last."""
    counted: list[TokenUsage] = []
    text = "".join(
        [piece.text async for piece in client.text(HELLO, slot=slot, progress=AnswerProgress(counted=counted.append))]
    )
    assert text == "Hello."
    return counted[-1] if counted else None


@pytest.mark.parametrize("api", [ModelApi.CHAT, ModelApi.COMPLETIONS, ModelApi.COMPLETION])
async def test_a_call_stays_in_one_slot_of_a_llama_cpp_server_and_its_tokens_are_counted(api: ModelApi) -> None:
    server = Server(props={"total_slots": 4})
    async with asking(server, api=api) as client:
        await client.warm_up(HELLO)
        assert await answer(client) == TokenUsage(48, 40)
    for body in server.bodies:
        assert body["id_slot"] == CALL_SLOT
        assert body["cache_prompt"] is True
        assert "stream_options" not in body


@pytest.mark.parametrize("api", [ModelApi.CHAT, ModelApi.COMPLETIONS, ModelApi.COMPLETION])
async def test_a_prompt_that_is_read_ahead_does_not_ask_the_template_to_begin_an_answer(api: ModelApi) -> None:
    server = Server(props={"total_slots": 4})
    async with asking(server, api=api) as client:
        await client.warm_up(HELLO, unfinished=True)
        await answer(client)
    read, answered = server.bodies
    assert read.get("add_generation_prompt") == (False if api is ModelApi.CHAT else None)
    assert "add_generation_prompt" not in answered


async def test_a_llama_cpp_server_that_refuses_add_generation_prompt_still_reads_prompts_ahead() -> None:
    server = Server(props={"total_slots": 4}, refused=frozenset({"add_generation_prompt"}))
    async with asking(server) as client:
        await client.warm_up(HELLO, unfinished=True)
        await client.warm_up(HELLO, unfinished=True)
    assert ["add_generation_prompt" in body for body in server.bodies] == [True, False, False]


async def test_other_servers_do_not_get_add_generation_prompt() -> None:
    server = Server()
    async with asking(server) as client:
        await client.warm_up(HELLO, unfinished=True)
    assert "add_generation_prompt" not in server.bodies[0]


async def test_requests_outside_of_calls_leave_the_slot_to_the_server() -> None:
    server = Server(props={"total_slots": 4})
    async with asking(server) as client:
        assert await answer(client, slot=None) is None, "tokens are counted only in calls"
    assert not OPTIONAL_FIELDS & server.bodies[0].keys()


@pytest.mark.parametrize(
    "props", [None, [], {}, {"total_slots": 0}, {"total_slots": -1}, {"total_slots": "4"}, {"total_slots": True}, "x"]
)
async def test_a_server_without_slots_gets_only_the_optional_field_that_counts_tokens(props: object) -> None:
    server = Server(props=props)
    async with asking(server) as client:
        assert await answer(client) == TokenUsage(48, 32)
    assert OPTIONAL_FIELDS & server.bodies[0].keys() == {"stream_options"}


@pytest.mark.parametrize("refusal", ["Unrecognized request argument supplied: {field}", "Bad request.", ""])
async def test_a_server_that_refuses_to_count_tokens_still_answers(refusal: str) -> None:
    server = Server(refused=frozenset({"stream_options"}), refusal=refusal)
    async with asking(server) as client:
        await client.warm_up(HELLO)
        warmed = len(server.bodies)
        assert await answer(client) is None
    assert (warmed, len(server.bodies)) == (2, 3), "the field is refused once, during the warm-up"


async def test_refused_optional_fields_do_not_use_up_the_retries() -> None:
    refused = frozenset({"stream_options", "max_tokens", "temperature", "stop"})
    server = Server(refused=refused)
    async with asking(server, stop=("END",)) as client:
        assert await answer(client) is None
    assert not refused & server.bodies[-1].keys()


async def test_a_llama_cpp_server_that_refuses_the_slot_still_answers() -> None:
    server = Server(props={"total_slots": 1}, refused=frozenset({"id_slot"}))
    async with asking(server) as client:
        assert await answer(client) == TokenUsage(48, 40)
        await answer(client)
    assert len(server.bodies) == 3


async def test_the_operator_can_switch_the_slot_fields_off() -> None:
    server = Server(props={"total_slots": 4})
    async with asking(server, extra={"id_slot": None}) as client:
        await answer(client)
    assert "id_slot" not in server.bodies[0]


@pytest.mark.parametrize(("caps", "native"), [({"supports_tools": False}, False), ({"supports_tools": True}, True)])
async def test_a_llama_cpp_server_whose_template_has_no_tools_gets_them_in_the_prompt(
    caps: dict[str, bool], native: bool
) -> None:
    server = Server(props={"total_slots": 1, "chat_template_caps": caps})
    async with asking(server) as client:
        async for _ in client.stream(HELLO, tools=[WEATHER]):
            pass
    (body,) = server.bodies
    assert ("tools" in body, body.get("parallel_tool_calls")) == ((True, True) if native else (False, None))
    assert ("## Tools" in body["messages"][0]["content"]) != native


async def test_each_call_has_the_lowest_free_slot_so_that_it_finds_the_prompts_of_an_earlier_call() -> None:
    slots = CallSlots()
    first, second = slots.new(), slots.new()
    unused = slots.new()
    assert (first(), second(), first()) == (CALL_SLOT, CALL_SLOT + 1, CALL_SLOT)
    await unused.release()
    await first.release()
    assert slots.new()() == CALL_SLOT
    assert second() == CALL_SLOT + 1, "a call stays in its slot"
