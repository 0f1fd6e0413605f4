"""The tokens counted for a request: the model server's own numbers, or estimates, however the request ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage, estimated_tokens, total_tokens
from bot.llm.plausible_usage import most_prompt_tokens
from bot.llm.requests import ModelOptions
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription
from bot.metering import OWN, Account
from config import hosts
from tests.http_server import Handler
from tests.llm.servers import DONE, FINISHED, Recorded, begin_stream, event, for_ever, said, serving, streaming
from tests.meters import NotingMeter

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))
ADA = Account(100, 11)
USAGE = event({"choices": [], "usage": {"prompt_tokens": 48, "completion_tokens": 7}})


@asynccontextmanager
async def metered(handler: Handler, *, key: str | None = None) -> AsyncIterator[tuple[ModelClient, NotingMeter]]:
    meter = NotingMeter()
    async with serving(handler) as url:
        options = ModelOptions(url, api_key=None if key is None else SecretStr(key))
        async with ModelClient(options, meter) as client:
            yield client, meter


async def ask(client: ModelClient, messages: tuple[ChatMessage, ...] = HELLO) -> str:
    return "".join([piece.text async for piece in client.text(messages, progress=AnswerProgress(ADA))])


@pytest.mark.parametrize("paid", [True, False])
async def test_the_servers_own_numbers_count_and_a_server_that_costs_money_is_asked_for_them(
    paid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: not paid)
    server = Recorded(streaming(said("Hello."), FINISHED, USAGE, DONE))
    async with metered(server, key="sk-1") as (client, meter):
        assert await ask(client) == "Hello."
        assert meter.asked == [(ADA, client.options.server_name, 48, 7, paid)]
    assert server.bodies[0].get("stream_options") == ({"include_usage": True} if paid else None)


async def test_without_the_servers_numbers_tokens_are_estimated() -> None:
    async with metered(streaming(said("Hello "), said("there."), FINISHED, DONE)) as (client, meter):
        await ask(client)
        ((_, _, prompt, answer, _),) = meter.asked
    assert (prompt, answer) == (total_tokens(HELLO), estimated_tokens("Hello there."))


@pytest.mark.parametrize(
    ("reported", "counted", "logged"),
    [
        ({"prompt_tokens": 100_000_000, "completion_tokens": 7}, (total_tokens(HELLO), 7), 1),
        ({"prompt_tokens": 48, "completion_tokens": 100_000_000}, (48, estimated_tokens("Hello.")), 1),
        # Thoughts are counted, but not sent.
        ({"prompt_tokens": 48, "completion_tokens": 20_000}, (48, 20_000), 0),
    ],
)
async def test_a_report_that_cannot_be_true_is_replaced_by_an_estimate_and_logged_once(
    reported: dict[str, int], counted: tuple[int, int], logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    usage = event({"choices": [], "usage": reported})
    async with metered(streaming(said("Hello."), FINISHED, usage, DONE)) as (client, meter):
        for _ in range(3):
            await ask(client)
        assert [each[2:4] for each in meter.asked] == [counted] * 3
    assert caplog.text.count("reports 100,000,000 tokens for one reply, which can't be") == logged


def test_a_prompt_has_at_most_one_token_for_each_byte_and_a_few_more_for_each_message() -> None:
    hindi = ChatMessage("user", "नमस्ते " * 1_000)
    lookup = ToolDescription("lookup", "Looks up a word.", {"type": "object"})
    alone = most_prompt_tokens([hindi])
    assert len(hindi.content.encode()) < alone < len(hindi.content.encode()) + 3_000
    assert most_prompt_tokens([hindi], [lookup]) > alone + len(lookup.text)


async def test_an_answer_that_is_broken_off_counts_as_far_as_it_came() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("One two three. "))
        await for_ever()
        return response

    async with metered(handler) as (client, meter):
        async with aclosing(client.text(HELLO, progress=AnswerProgress(ADA))) as pieces:
            async for _ in pieces:
                break
        ((account, _, prompt, answer, _),) = meter.asked
    assert account == ADA
    assert prompt == total_tokens(HELLO)
    assert answer == estimated_tokens("One two three. ")


async def test_a_speculative_reply_that_is_discarded_before_its_first_word_counts_its_prompt() -> None:
    asked = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        await request.read()
        asked.set()
        await for_ever()
        return web.Response()

    async with metered(handler) as (client, meter):
        guess = asyncio.create_task(ask(client))
        await asked.wait()
        guess.cancel()
        await asyncio.gather(guess, return_exceptions=True)
        ((_, _, prompt, answer, _),) = meter.asked
    assert (prompt, answer) == (total_tokens(HELLO), 0)


@pytest.mark.parametrize("status", [401, 404, 422, 500])
async def test_a_refusal_counts_nothing(status: int) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no"}}, status=status)

    async with metered(handler) as (client, meter):
        with pytest.raises(ModelError):
            await ask(client)
        assert meter.asked == []


async def test_a_request_that_is_repeated_counts_once() -> None:
    async def refusing(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "Unrecognized request argument: temperature"}}, status=400)

    async with metered(Recorded(refusing, streaming(said("Hello."), FINISHED, USAGE, DONE))) as (client, meter):
        await ask(client)
        assert [each[2:4] for each in meter.asked] == [(48, 7)]


async def test_the_warm_up_counts_for_nobody() -> None:
    async with metered(streaming(said("H"), FINISHED, USAGE, DONE)) as (client, meter):
        await client.warm_up(HELLO)
        assert [(account.person, prompt) for account, _, prompt, _, _ in meter.asked] == [(None, 48)]


async def test_the_bots_own_server_is_counted_under_the_same_name_at_any_port() -> None:
    meter = NotingMeter()
    async with (
        serving(streaming(said("Hello."), FINISHED, DONE)) as url,
        ModelClient(ModelOptions(url), meter, known_as=OWN) as client,
    ):
        await ask(client)
    assert meter.asked[0][1] == OWN


class TestLimit:
    """The limit of a day, for servers on other machines: a server costs money if it has a key."""

    @pytest.fixture(autouse=True)
    def _hosted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hosts, "is_local", lambda url: False)

    async def test_a_server_without_a_key_answers_beyond_the_limit(self) -> None:
        async with metered(streaming(said("Hello."), FINISHED, DONE)) as (client, meter):
            meter.used = 2.0
            assert await ask(client) == "Hello."

    async def test_nothing_is_begun_once_the_limit_is_reached(self) -> None:
        server = Recorded(streaming(said("Hello."), FINISHED, DONE))
        async with metered(server, key="sk-1") as (client, meter):
            await ask(client)
            assert meter.asked[0][-1], "a request with a key costs money"
            meter.used = 1.0
            with pytest.raises(ModelError, match="limit is reached") as raised:
                await ask(client)
            assert raised.value.kind is ModelErrorKind.LIMIT
            with pytest.raises(ModelError):
                await client.warm_up(HELLO)
            assert len(server.bodies) == len(meter.asked) == 1

    async def test_an_answer_that_has_begun_is_finished_and_so_is_the_answer_after_its_tools(self) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            response = await begin_stream(request)
            await response.write(said("One "))
            await wait.wait()
            await response.write(said("two.") + FINISHED + DONE)
            return response

        wait = asyncio.Event()
        async with metered(handler, key="sk-1") as (client, meter):
            async with aclosing(client.text(HELLO)) as pieces:
                first = await anext(pieces)
                meter.used = 1.0
                wait.set()
                assert "".join([first.text, *[piece.text async for piece in pieces]]) == "One two."
            call = ToolCall("1", "dice", "{}")
            results = (ChatMessage("assistant", "", (call,)), ChatMessage("tool", "4", answers="1"))
            assert await ask(client, (*HELLO, *results)) == "One two."

    async def test_near_the_limit_a_speculative_reply_waits_until_it_is_wanted(self) -> None:
        server = Recorded(streaming(said("Hello."), FINISHED, DONE))
        wanted, waits = asyncio.Event(), asyncio.Event()

        async def before() -> None:
            waits.set()
            await wanted.wait()

        async with metered(server, key="sk-1") as (client, meter):
            meter.used = 0.8
            progress = AnswerProgress(before_tools=before)
            guess = asyncio.create_task(anext(client.text(HELLO, progress=progress)))
            await waits.wait()
            assert server.bodies == []
            wanted.set()
            assert (await guess).text == "Hello."
