"""Hypothesis makes histories of turns with tools. Each turn gets one answer, and no tool is left running.

The histories have results, failures, speculative replies, interruptions and waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tool_loop import LATE_AFTER, answer_with_tools
from bot.llm.tools import ToolDescription
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.late_tools import LATE_SECONDS, MAX_LATE
from bot.voice.turn import Prompt, TurnId
from tests.timing import ManualSleep, settle
from tests.voice.dialogue.talk import MarkedResponder, Talk, prompt_of, talking

ADA, BEN = 7, 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. For each request to the model: whether it first says something, and how many tools it calls."""

    rounds: tuple[tuple[bool, int], ...]

    def text(self, name: str) -> str:
        return " ".join((name, *(f"{int(says)}{calls}" for says, calls in self.rounds)))


class CallingResponder(MarkedResponder):
    """A responder whose model calls the tools that the question lists, request by request. The test ends the tools."""

    def __init__(self, sleep: ManualSleep) -> None:
        super().__init__()
        self.sleep = sleep
        self.conversation: Conversation | None = None
        self.running: dict[asyncio.Future[str], str] = {}
        self.gone: set[int] = set()
        self.descriptions = (ToolDescription("look", "Looks.", {}),)

    async def run(self, call: ToolCall) -> str:
        assert self.conversation is not None
        assert self.conversation.answering, "a speculative reply ran a tool"
        assert self.conversation.late_tools <= MAX_LATE
        result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.running[result] = call.id
        try:
            return await result
        finally:
            del self.running[result]

    def end_a_tool(self, result: str) -> None:
        for future in self.running:
            if not future.done():
                future.set_result(result)
                return

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self.open += 1
        # Two waiting questions of one person become one question, so there may be another name between their numbers.
        name, *words = asked.text.split()
        if asked.results:
            called = [call.id for message in asked.results for call in message.calls]
            assert [message.answers for message in asked.results if message.role == "tool"] == called
            yield f"{name}-late. "
            self.open -= 1
            return
        plan = [word for word in words if word.isdecimal()]
        number = 0

        async def ask(_: Sequence[ChatMessage], offered: Sequence[ToolDescription]) -> AsyncGenerator[AnswerPart, None]:
            nonlocal number
            number += 1
            progress.asked()
            await asyncio.sleep(0)
            says, calls = (int(plan[number - 1][0]), int(plan[number - 1][1])) if number <= len(plan) else (1, 0)
            if says or not offered:
                yield TextDelta(f"{name}-{number}. ")
            for call in range(calls if offered else 0):
                yield ToolCall(f"{name}-{number}-{call}", "look", "{}")

        question = (ChatMessage("user", asked.text),)
        pieces = answer_with_tools(ask, question, self, progress=progress, sleep=self.sleep)
        try:
            async for piece in pieces:
                yield piece.text
        finally:
            await pieces.aclose()
            self.open -= 1


NOTHING = Question(())
"""A question for which the model calls no tool."""
Step = tuple[object, ...]
"""The name of a step, and its arguments."""
questions = st.lists(st.tuples(st.booleans(), st.integers(1, 2)), max_size=2).map(lambda it: Question(tuple(it)))
turns = st.integers(1, 2)
steps = st.one_of(
    st.tuples(st.just("ask"), questions),
    st.tuples(st.just("guess"), turns, questions),
    st.tuples(st.sampled_from(["commit", "go on", "discard", "interrupt"]), turns),
    st.tuples(st.sampled_from(["stop", "result", "failure", "result", "result"])),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 0.6, 6.0, LATE_AFTER, LATE_AFTER, LATE_SECONDS])),
    st.tuples(st.sampled_from(["leave", "come back"])),
)


async def _do(
    talk: Talk, mind: CallingResponder, number: int, step: tuple[object, ...], guessed: dict[int, str]
) -> None:
    conversation = talk.conversation
    match step:
        case ("ask", Question() as question):
            conversation.prompt(Prompt("Ben", question.text(f"b{number}"), 0.0, person=BEN))
        case ("guess", int(turn), Question() as question):
            guessed[turn] = question.text(f"a{number}")
            conversation.speculate(prompt_of(TurnId(ADA, turn), guessed[turn]))
        case ("commit", int(turn)) if turn in guessed:
            conversation.commit(prompt_of(TurnId(ADA, turn), guessed.pop(turn)))
        case ("go on", int(turn)) if turn in guessed:
            plan = guessed.pop(turn).split()[1:]
            conversation.commit(prompt_of(TurnId(ADA, turn), " ".join((f"c{number}", *plan))))
        case ("discard", int(turn)):
            guessed.pop(turn, None)
            conversation.discard(TurnId(ADA, turn))
        case ("interrupt", int(turn)):
            conversation.interruption_started(TurnId(BEN, turn))
            conversation.interruption_confirmed(TurnId(BEN, turn))
            conversation.release_floor(TurnId(BEN, turn))
        case ("stop",):
            conversation.stop()
            await settle()
            assert not mind.running, "a tool runs on after the stop"
        case ("leave",):
            mind.gone.add(BEN)
        case ("come back",):
            mind.gone.discard(BEN)
        case ("result",):
            mind.end_a_tool("It rains.")
        case ("failure",):
            mind.end_a_tool("The tool failed.")
        case ("wait", float(seconds)):
            await mind.sleep.pass_by(seconds)
        case _:
            pass
    await settle()


async def _end(talk: Talk, mind: CallingResponder, guessed: dict[int, str]) -> None:
    """End all tools and turns."""
    for turn in tuple(guessed):
        talk.conversation.discard(TurnId(ADA, turn))
    for _ in range(400):
        await settle()
        conversation = talk.conversation
        if not (conversation.answering or conversation.waiting or mind.open or conversation.late_tools):
            return
        mind.end_a_tool("It rains.")
    raise AssertionError("a reply never ends")


async def _history(steps_of_it: list[Step], *, call_ends: bool) -> None:
    sleep = ManualSleep()
    mind = CallingResponder(sleep)
    before = asyncio.all_tasks()
    async with talking(responder=mind, sleep=sleep, present=lambda person: person not in mind.gone) as talk:
        mind.conversation = talk.conversation
        guessed: dict[int, str] = {}
        for number, step in enumerate(steps_of_it):
            await _do(talk, mind, number, step, guessed)
        if not call_ends:
            await _end(talk, mind, guessed)
            assert not mind.running, "a tool was left running"
            assert Counter(event.trace.reply for event in talk.ended) == Counter(event.reply for event in talk.taken), (
                "a turn has one answer"
            )
        spoken = [word for event in talk.taken for word in talk.voice.sent[event.reply].split() if "-" in word]
        assert len(spoken) == len(set(spoken)), "something was said twice"
        remembered = [word for text in talk.remembered for word in text.split() if "-" in word]
        assert len(remembered) == len(set(remembered)), "something is remembered twice"
        assert not any("moment" in text for text in talk.remembered)
    assert not mind.running, "a tool is left running after the call"
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize("examples", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_every_history_has_one_answer_a_turn_and_leaves_no_tool_running(examples: int) -> None:
    @settings(max_examples=examples)
    @example([("guess", 2, NOTHING), ("guess", 1, NOTHING), ("commit", 1), ("guess", 1, NOTHING), ("commit", 1)], False)
    @example([("ask", Question(((False, 1),))), ("wait", LATE_AFTER), ("leave",), ("result",), ("come back",)], False)
    @given(st.lists(steps, max_size=14), st.booleans())
    def each(history: list[Step], call_ends: bool) -> None:
        asyncio.run(_history(history, call_ends=call_ends))

    each()
