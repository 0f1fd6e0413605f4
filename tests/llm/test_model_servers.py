"""Tests of several model servers: one that fails or is slow is replaced, and people hear each word once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from pydantic import SecretStr

from bot.llm.answer import TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage
from bot.llm.model_servers import ModelServers
from bot.llm.requests import ModelOptions
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription
from bot.metering import UNMETERED
from bot.servers import choice, probes
from config import hosts
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.meters import NotingMeter

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))
WEATHER = (ToolDescription("weather", "Tells the weather.", {"type": "object", "properties": {}}),)
ALL = "One two three. Four five six."


@dataclass
class Pair:
    """Two model servers and the client of both. The second server stands in for the first.

    Attributes:
        answers: what the two servers answer next; the last answer of each is repeated.
    """

    answers: tuple[list[Answer], list[Answer]]
    servers: list[ScriptedModel] = field(default_factory=list)
    client: ModelServers = field(init=False)
    moves: list[str] = field(default_factory=list)

    def script(self, number: int) -> Callable[[str], Answer]:
        def answer(_: str) -> Answer:
            left = self.answers[number]
            return left.pop(0) if len(left) > 1 else left[0]

        return answer

    async def reply(self, progress: AnswerProgress = NOT_WATCHED, slot: int | None = None) -> str:
        watched = replace(progress, moved=self.moves.append)
        async with asyncio.timeout(60):
            return "".join([piece.text async for piece in self.client.text(HELLO, progress=watched, slot=slot)]).strip()

    @property
    def asked(self) -> list[int]:
        """How often each server was asked."""
        return [len(server.asked) for server in self.servers]


@asynccontextmanager
async def pair(
    first: list[Answer],
    second: list[Answer],
    *,
    owner: str = "somebody",
    paid: bool = False,
    slow_after: float = 20.0,
    stall_timeout: float = 20.0,
    limited: NotingMeter | None = None,
) -> AsyncIterator[Pair]:
    """Two servers and their client, before anything was asked.

    With ``paid``, the second server has a key. ``limited`` is the meter of both servers; with it, the first server has
    a key. A server with a key costs money if the test lets no address count as local.
    """
    both = Pair((first, second))
    async with AsyncExitStack() as stack:
        for number in (0, 1):
            server = ScriptedModel(both.script(number), lists=("m",), owner=owner)
            both.servers.append(await stack.enter_async_context(server))
        options = [
            ModelOptions(server.url, slow_after=slow_after, stall_timeout=stall_timeout) for server in both.servers
        ]
        if paid:
            options[1] = replace(options[1], api_key=SecretStr("sk-1"))
        if limited is not None:
            options[0] = replace(options[0], api_key=SecretStr("sk-1"))
        both.client = await stack.enter_async_context(ModelServers(options, limited or UNMETERED))
        for each in both.client._servers:
            # The first probe tells what each server can do.
            while not each.known:
                await asyncio.sleep(0.01)
        yield both


async def test_a_server_that_answers_is_the_only_one_that_is_asked() -> None:
    async with pair([Answer(ALL)], [Answer("No.")]) as both:
        assert [await both.reply(), await both.reply()] == [ALL, ALL]
        assert both.asked == [2, 0]
        assert both.moves == []


@pytest.mark.parametrize("fault", [Fault.STATUS_500, Fault.BROKEN_JSON, Fault.HANG_UP])
async def test_a_server_that_fails_before_its_first_word_is_replaced_unheard(fault: Fault) -> None:
    async with pair([Answer("", fault)], [Answer(ALL)]) as both:
        assert await both.reply() == ALL
        assert both.servers[1].asked[0] == both.servers[0].asked[0]
        # For the next answer, the failed server is not asked first.
        assert await both.reply() == ALL
        assert both.asked == [1, 2]


async def test_a_server_that_is_gone_is_replaced_and_people_learn_of_it_once() -> None:
    async with pair([Answer(ALL)], [Answer("I'm here.")]) as both:
        await both.servers[0].stop()
        assert [await both.reply(), await both.reply()] == ["I'm here.", "I'm here."]
        (said,) = both.moves
        old, new = (ModelOptions(server.url).server_name for server in both.servers)
        assert said == f"🔁 The model server at {old} doesn't answer, or is too slow: {new} answers instead."
        assert both.client.stands_in_for == old


async def test_a_server_that_hangs_is_replaced_after_a_while() -> None:
    async with pair([Answer("", Fault.SILENT)], [Answer(ALL)], slow_after=0.2) as both:
        assert await both.reply() == ALL
        assert both.client.stands_in_for is not None


async def test_a_slow_server_is_waited_for_if_there_is_no_other() -> None:
    slow = Answer(ALL, delay=0.5)
    async with pair([slow], [Answer("", Fault.STATUS_500)], slow_after=0.2) as both:
        both.client._choice.failed(1)
        assert await both.reply() == ALL
        assert both.moves == []


@pytest.mark.parametrize("owner", ["llamacpp", "vllm"])
async def test_another_server_continues_the_answer_of_one_that_breaks_off(owner: str) -> None:
    first, second = Answer("One two", Fault.BROKEN_JSON), Answer("three. Four five six.")
    async with pair([first], [second], owner=owner) as both:
        assert await both.reply() == ALL
        assert both.servers[1].asked[0] == [*both.servers[0].asked[0], {"role": "assistant", "content": "One two"}]


async def test_another_server_continues_the_answer_of_one_that_is_killed() -> None:
    async with pair([Answer("One two three. Four", Fault.HANG_UP, pause=0.01)], [Answer("")], owner="llamacpp") as both:
        # It is not certain how many words arrive before the connection is gone.
        both.servers[1].script = lambda said: Answer(ALL.removeprefix(said).strip() if ALL.startswith(said) else ALL)
        assert await both.reply() == ALL


@pytest.mark.parametrize(("slow_after", "stall_timeout"), [(0.2, 20.0), (20.0, 0.2)])
async def test_another_server_continues_the_answer_of_one_that_stalls(slow_after: float, stall_timeout: float) -> None:
    limits = {"slow_after": slow_after, "stall_timeout": stall_timeout}
    first, second = Answer("One two", Fault.STALL), Answer("three. Four five six.")
    async with pair([first], [second], owner="llamacpp", **limits) as both:  # type: ignore[arg-type]
        assert await both.reply() == ALL


async def test_a_server_whose_words_come_slowly_is_listened_to() -> None:
    # All of it takes longer than the limit for a silence; each pause is far shorter, even on a busy machine.
    long = f"{ALL} {ALL}"
    async with pair([Answer(long, pause=0.1)], [Answer("No.")], slow_after=1.0) as both:
        assert await both.reply() == long
        assert both.asked == [1, 0]


async def test_a_sentence_that_no_server_can_continue_breaks_off_and_a_new_one_begins() -> None:
    async with pair([Answer("One two", Fault.BROKEN_JSON)], [Answer("Four five six.")]) as both:
        assert await both.reply() == "One two … Four five six."


async def test_a_server_that_refuses_to_continue_an_answer_is_asked_for_a_new_sentence() -> None:
    answer = Answer("Four five six.", Fault.REFUSES_PREFILL)
    first = [Answer("One two", Fault.BROKEN_JSON), Answer("One two", Fault.BROKEN_JSON), Answer(ALL)]
    async with pair(first, [answer], owner="llamacpp") as both:
        assert await both.reply() == "One two … Four five six."
        assert [messages[-1]["role"] for messages in both.servers[1].asked] == ["assistant", "user"]
        # The refusal is no fault, so the second server stays in use, but it is not asked to continue an answer again.
        assert await both.reply() == "Four five six."
        both.client._choice.probed(0, ready=True)
        assert await both.reply() == "One two … Four five six."
        assert [messages[-1]["role"] for messages in both.servers[1].asked] == ["assistant", "user", "user", "user"]
        assert both.client.options.url == both.servers[1].url


async def test_sentences_that_the_next_server_repeats_are_heard_once() -> None:
    async with pair([Answer("One two three. Four", Fault.BROKEN_JSON)], [Answer(ALL)]) as both:
        assert (await both.reply()).replace("… ", "") == ALL


async def test_a_server_that_has_nothing_to_add_ends_the_answer() -> None:
    async with pair([Answer("One two three. ", Fault.BROKEN_JSON)], [Answer("")], owner="llamacpp") as both:
        assert await both.reply() == "One two three."


async def test_a_server_that_continues_an_answer_may_break_off_too() -> None:
    first, second = [Answer("One two", Fault.BROKEN_JSON), Answer("four")], [Answer("three", Fault.BROKEN_JSON)]
    async with pair(first, second, owner="llamacpp") as both:
        with pytest.raises(ModelError, match="not a reply") as raised:
            await both.reply()
        names = [ModelOptions(server.url).server_name for server in both.servers]
        assert all(name in str(raised.value) for name in names)


async def test_an_error_of_all_servers_names_each() -> None:
    async with pair([Answer("", Fault.STATUS_500)], [Answer("", Fault.STATUS_500)]) as both:
        with pytest.raises(ModelError) as raised:
            await both.reply()
        assert str(raised.value).count("out of memory") == 2


async def test_a_preferred_server_is_used_again_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_LONGEST_SLEEP", 0.01)
    monkeypatch.setattr(choice, "DOWN_RESTS", (0.01,))
    async with pair([Answer("", Fault.STATUS_500), Answer("I'm back.")], [Answer(ALL)]) as both:
        assert await both.reply() == ALL
        async with asyncio.timeout(60):
            while both.client.stands_in_for is not None:
                await asyncio.sleep(0.02)
        assert await both.reply() == "I'm back."


async def test_a_tool_that_was_called_is_not_called_again() -> None:
    async with pair([Answer("Let me see.", Fault.BROKEN_JSON, ("weather",))], [Answer("No.")]) as both:
        parts = [part async for part in both.client.stream(HELLO, tools=WEATHER)]
        assert [part.name for part in parts if isinstance(part, ToolCall)] == ["weather"]
        assert "".join(part.text for part in parts if isinstance(part, TextDelta)).strip() == "Let me see."
        assert both.asked == [1, 0]


async def test_a_server_that_refuses_one_conversation_is_asked_again_for_the_next() -> None:
    async with pair([Answer(ALL)], [Answer("I can.")]) as both:
        both.servers[0].context = 1
        assert await both.reply() == "I can."
        both.servers[0].context = None
        assert await both.reply() == ALL
        assert both.moves == []


async def test_a_server_that_costs_money_is_not_asked_for_a_speculative_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    async with pair([Answer("", Fault.STATUS_500)], [Answer(ALL)], paid=True) as both:
        wanted = asyncio.Event()
        reply = asyncio.create_task(both.reply(AnswerProgress(before_tools=_waits(wanted))))
        async with asyncio.timeout(60):
            while both.client.stands_in_for is None:
                await asyncio.sleep(0.01)
        assert both.asked == [1, 0]
        wanted.set()
        assert await reply == ALL
        # The server that costs money is not asked to read ahead or to warm up either.
        await both.client.warm_up(HELLO)
        assert both.servers[1].warmed == []
        assert not both.client.reads_ahead()


def _waits(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        await event.wait()

    return wait


async def test_servers_on_this_machine_come_first() -> None:
    options = [ModelOptions("https://api.example.com/v1"), ModelOptions("http://127.0.0.1:9/v1")]
    assert ModelServers(options).options.url == "http://127.0.0.1:9/v1"


async def test_a_stand_in_is_asked_for_the_model_of_a_persona_only_if_it_has_that_model() -> None:
    async with pair([Answer("", Fault.STATUS_500)], [Answer(ALL)]) as both:
        for wanted in ("other", "m"):
            assert [part.text async for part in both.client.text(HELLO, model=wanted)]
        assert both.servers[1].models == [None, "m"]


async def test_at_todays_limit_the_server_that_costs_nothing_answers_and_people_learn_of_it_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    meter = NotingMeter()
    async with pair([Answer("Paid.")], [Answer("Free.")], limited=meter) as both:
        assert await both.reply() == "Paid."
        meter.used = 1.0
        assert [await both.reply(), await both.reply()] == ["Free.", "Free."]
        name = both.client._servers[1].name
        told = f"🔁 Today's limit is reached. {name} answers instead."
        assert both.moves == [told]
        assert both.client.options.server_name == name
        assert both.client.stands_in_for == both.client._servers[0].name
        assert both.asked == [1, 2]
        assert [await both.reply(slot=slot) for slot in (1, 2, 1)] == ["Free."] * 3
        assert both.moves == [told] * 3, "each call is told"
        assert "limit" not in caplog.text, "the meter tells the operator, and not the client"
        both.client.begin_call()
        meter.used = 0.0
        assert await both.reply() == "Paid.", "the day is over"


async def test_if_all_servers_cost_money_the_error_is_that_of_the_limit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    async with pair([Answer("Paid.")], [Answer("Paid.")], paid=True, limited=NotingMeter(used=1.0)) as both:
        with pytest.raises(ModelError) as raised:
            await both.reply()
        assert raised.value.kind is ModelErrorKind.LIMIT
        assert str(raised.value) == "Today's limit is reached."
        assert both.asked == [0, 0]
