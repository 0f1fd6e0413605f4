"""The loop of an answer with tools: random histories of calls, results, failures and cancellations, and its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.late_calls import TOO_LATE, LateCalls
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tool_loop import FAILED, LATE_AFTER, MAX_CALLS, MAX_ROUNDS, MAX_SECONDS, answer_with_tools
from bot.llm.tools import ToolDescription
from tests.llm.tool_doubles import CLOCK

Ending = Literal["whole", "broken"]
Deed = Literal["result", "failure", "patience", "time", "cancel", "close"]
STEPS = 30
"""Turns of the event loop after which every task waits for something that the test decides."""


@dataclass(frozen=True)
class Round:
    """One reply of the model: how many words and calls it has, in order (True is a call), and how it ends."""

    parts: tuple[bool, ...]
    ending: Ending = "whole"


@dataclass
class World:
    """One turn: a scripted model, tools whose ends the test decides, and a clock that the test moves. With ``guess``,
    the reply is speculative until the turn is over. With ``takes_late``, somebody takes over the tools that still run
    when the answer does not wait for them any longer.
    """

    script: Sequence[Round]
    guess: bool = False
    asked: list[tuple[tuple[ChatMessage, ...], int]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    called: list[ToolCall] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    running: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    waits: list[bool] = field(default_factory=list)
    streams: int = 0
    slept: list[float] = field(default_factory=list)
    takes_late: bool = False
    late: list[LateCalls] = field(default_factory=list)
    descriptions: Sequence[ToolDescription] = (CLOCK,)

    def __post_init__(self) -> None:
        self.time_up = asyncio.Event()
        self.patience_over = asyncio.Event()
        self.turn_over = asyncio.Event()
        if not self.guess:
            self.turn_over.set()

    async def ask(
        self, told: Sequence[ChatMessage], offered: Sequence[ToolDescription]
    ) -> AsyncGenerator[AnswerPart, None]:
        number = len(self.asked)
        self.asked.append((tuple(told), len(offered)))
        self.streams += 1
        try:
            said = False
            reply = self.script[number] if number < len(self.script) else Round((False,))
            for place, is_call in enumerate(reply.parts):
                await asyncio.sleep(0)
                if not is_call:
                    said = True
                    self.words.append(f"<{number}.{place}>")
                    yield TextDelta(self.words[-1])
                elif offered:
                    said = True
                    self.called.append(ToolCall(f"{number}.{place}", "clock", "{}"))
                    yield self.called[-1]
            if reply.ending == "broken":
                raise ModelError(ModelErrorKind.BROKEN, "hung up")
            if not said:
                raise ModelError(ModelErrorKind.EMPTY, "said nothing")
        finally:
            self.streams -= 1

    async def run(self, call: ToolCall) -> str:
        assert self.turn_over.is_set(), "a speculative reply acts"
        assert call.id not in self.ran, "a call is run twice"
        self.ran.append(call.id)
        self.running[call.id] = asyncio.get_running_loop().create_future()
        try:
            return await self.running[call.id]
        finally:
            del self.running[call.id]
            self.ended.append(call.id)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await (self.patience_over if seconds == LATE_AFTER else self.time_up).wait()

    async def time_up_later(self) -> None:
        await self.time_up.wait()

    async def wait_for_turn(self) -> None:
        await self.turn_over.wait()

    def take_late(self, calls: LateCalls) -> bool:
        assert calls.names, "all tools have ended"
        if self.takes_late:
            self.late.append(calls)
        return self.takes_late

    def answer(self, told: Sequence[ChatMessage]) -> AsyncGenerator[TextDelta, None]:
        return answer_with_tools(
            self.ask,
            told,
            self,
            progress=AnswerProgress(tools=self.waits.append, before_tools=self.wait_for_turn, take_late=self.take_late),
            sleep=self.sleep,
        )


async def settle() -> None:
    for _ in range(STEPS):
        await asyncio.sleep(0)


@dataclass
class Heard:
    """The result of one turn."""

    text: str = ""
    failure: ModelErrorKind | None = None
    given_up: bool = False


async def hear(answer: AsyncGenerator[TextDelta, None], heard: Heard) -> None:
    try:
        async for part in answer:
            heard.text += part.text
    except ModelError as error:
        heard.failure = error.kind


async def live_through(world: World, told: Sequence[ChatMessage], deeds: Sequence[Deed]) -> Heard:
    """Have one turn answered. The deeds happen in order, each when nothing else can happen. After the last deed, each
    tool that still runs gives its result.
    """
    heard, left = Heard(), list(deeds)
    answer = world.answer(told)
    reading = asyncio.create_task(hear(answer, heard))
    await settle()
    while not reading.done():
        deed = left.pop(0) if left else "result"
        if deed in ("cancel", "close"):
            heard.given_up = True
            reading.cancel()
            await asyncio.wait([reading])
            if deed == "close":
                await answer.aclose()
        elif not world.turn_over.is_set():
            world.turn_over.set()
        elif deed == "patience":
            world.patience_over.set()
        elif deed == "time":
            world.time_up.set()
        elif world.running:
            future = next(iter(world.running.values()))
            if deed == "failure":
                future.set_exception(RuntimeError("a mistake"))
            else:
                future.set_result("done")
        await settle()
    for late in world.late:
        await late.end()
    return heard


def check(world: World, heard: Heard, told: Sequence[ChatMessage], tasks: set[asyncio.Task[object]]) -> None:
    assert asyncio.all_tasks() == tasks, "a task is left"
    assert not world.running, "a tool is left"
    assert not world.streams, "a request is left"
    assert sorted(world.ran) == sorted(world.ended)
    assert set(world.ran) <= {call.id for call in world.called}
    assert len(world.ran) <= MAX_CALLS
    # Every word is said once, and in order.
    assert heard.text.replace("\n", "") == "".join(world.words)
    assert 1 <= len(world.asked) <= MAX_ROUNDS
    for before, after in pairwise(world.asked):
        assert after[0][: len(before[0])] == before[0], "the head of the prompt stays"
    messages, _ = world.asked[-1]
    assert messages[: len(told)] == tuple(told)
    open_calls: list[str] = []
    for message in messages[len(told) :]:
        if message.role == "tool":
            assert message.answers == open_calls.pop(0), "each call has its result, in order"
        else:
            assert not open_calls
            open_calls = [call.id for call in message.calls]
    assert not open_calls
    if not heard.given_up:
        assert world.waits == [True, False] * (len(world.waits) // 2) or heard.failure is not None or world.late
        assert len(world.late) <= 1
        # There is exactly one answer: words, or one error, or tools that somebody else has taken.
        assert heard.text or heard.failure is not None or world.late
        if heard.failure is None and not world.late:
            assert world.waits[-1:] in ([], [False])


ROUNDS = st.builds(
    Round,
    st.lists(st.booleans(), max_size=5).map(tuple),
    st.sampled_from(["whole", "whole", "whole", "whole", "broken"]),
)
DEEDS = st.lists(
    st.sampled_from(["result", "result", "result", "failure", "patience", "time", "cancel", "close"]), max_size=12
)
TURNS = st.lists(
    st.tuples(st.lists(ROUNDS, max_size=MAX_ROUNDS + 1), DEEDS, st.booleans(), st.booleans()), min_size=1, max_size=4
)


@pytest.mark.parametrize("examples", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_any_history_of_calls_results_failures_and_cancellations_is_handled(examples: int) -> None:
    @settings(max_examples=examples)
    @given(TURNS)
    def each(turns: list[tuple[list[Round], list[Deed], bool, bool]]) -> None:
        asyncio.run(live(turns))

    async def live(turns: list[tuple[list[Round], list[Deed], bool, bool]]) -> None:
        tasks = asyncio.all_tasks()
        told = [ChatMessage("system", "You are Seiyuu.")]
        for number, (script, deeds, guess, takes_late) in enumerate(turns):
            told.append(ChatMessage("user", f"Ada: question {number}"))
            world = World(script, guess, takes_late=takes_late)
            heard = await live_through(world, told, deeds)
            check(world, heard, told, tasks)
            if heard.text:
                told.append(ChatMessage("assistant", heard.text))

    each()


def last_results(world: World) -> list[str]:
    return [message.content for message in world.asked[-1][0] if message.role == "tool"]


async def test_tools_that_take_too_long_are_ended_and_the_model_answers_without_them() -> None:
    world = World([Round((True, True))])
    heard = await live_through(world, [ChatMessage("user", "Ada: hi")], ["result", "time"])
    assert heard.text == "<1.0>"
    assert last_results(world) == ["done", TOO_LATE]
    assert (world.slept, world.asked[-1][1]) == ([MAX_SECONDS, LATE_AFTER], 0)


async def test_tools_that_somebody_takes_over_outlive_the_answer_and_give_their_results_later() -> None:
    world = World([Round((False, True, True))], takes_late=True)
    answer, heard = world.answer([ChatMessage("user", "Ada: hi")]), Heard()
    reading = asyncio.create_task(hear(answer, heard))
    await settle()
    world.running["0.1"].set_result("sunny")
    world.patience_over.set()
    await reading
    assert (heard.text, heard.failure, world.waits) == ("<0.0>", None, [True])
    (late,) = world.late
    assert (late.names, list(world.running)) == (("clock",), ["0.2"])
    waiting = asyncio.create_task(late.messages(world.time_up_later()))
    await settle()
    world.running["0.2"].set_result("noon")
    called, *results = await waiting
    assert [call.id for call in called.calls] == ["0.1", "0.2"]
    assert [(message.answers, message.content) for message in results] == [("0.1", "sunny"), ("0.2", "noon")]
    assert len(world.asked) == 1, "the model is asked no more in this turn"


async def test_late_tools_are_ended_when_their_time_is_up() -> None:
    world = World([Round((True,))], takes_late=True)
    reading = asyncio.create_task(hear(world.answer([ChatMessage("user", "Ada: hi")]), Heard()))
    await settle()
    world.patience_over.set()
    await reading
    waiting = asyncio.create_task(world.late[0].messages(world.time_up_later()))
    await settle()
    world.time_up.set()
    assert [message.content for message in await waiting] == ["", TOO_LATE]
    assert (world.running, world.ended) == ({}, ["0.0"])


async def test_the_model_is_told_that_a_tool_has_failed() -> None:
    world = World([Round((True,))])
    heard = await live_through(world, [ChatMessage("user", "Ada: hi")], ["failure"])
    assert (heard.text, last_results(world)) == ("<1.0>", [FAILED])


async def test_a_tool_starts_before_the_model_has_finished() -> None:
    world = World([Round((True, False))])
    answer = world.answer([ChatMessage("user", "Ada: hi")])
    first = asyncio.create_task(anext(answer))
    await settle()
    assert world.ran == ["0.0"]
    assert (await first).text == "<0.1>"
    await answer.aclose()
    assert world.ended == ["0.0"]
    assert world.waits == [True]
