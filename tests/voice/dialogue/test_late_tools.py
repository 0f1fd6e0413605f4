"""A conversation whose tools outlive their answer: what is said then, and when the results are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tool_loop import LATE_AFTER, MAX_SECONDS, answer_with_tools
from bot.llm.tools import ToolDescription
from bot.voice.dialogue.late_tools import LATE_SECONDS, MAX_LATE
from bot.voice.turn import Outcome, Prompt, TurnId
from tests.timing import ManualSleep, settle, wait_until
from tests.voice.dialogue.talk import MarkedResponder, talking

ADA, BEN = 7, 8
REMARKS = "One moment.\nI'm still on it.\n"
LATE = "I'll tell you when I have it."


def asked(text: str, person: int = ADA) -> Prompt:
    return Prompt("Ada" if person == ADA else "Ben", text, 0.0, person=person, message=5)


class Searcher(MarkedResponder):
    """A mind that searches for everything that ends with a question mark, and tells what it has found."""

    def __init__(self, sleep: ManualSleep) -> None:
        super().__init__()
        self.descriptions = (ToolDescription("search", "Searches.", {}),)
        self.running: dict[str, asyncio.Future[str]] = {}
        self.ended: list[str] = []
        self.results: list[tuple[ChatMessage, ...]] = []
        self._sleep = sleep

    async def run(self, call: ToolCall) -> str:
        self.running[call.id] = asyncio.get_running_loop().create_future()
        try:
            return await self.running[call.id]
        finally:
            del self.running[call.id]
            self.ended.append(call.id)

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self.asked.append(asked.text)
        if asked.results:
            self.results.append(asked.results)
            yield f"Found: {asked.results[-1].content}"
            return

        async def ask(
            told: Sequence[ChatMessage], offered: Sequence[ToolDescription]
        ) -> AsyncGenerator[AnswerPart, None]:
            await asyncio.sleep(0)
            if told[-1].role == "tool":
                yield TextDelta(f"Now: {told[-1].content}")
            elif asked.text.endswith("?"):
                yield ToolCall(asked.text, "search", "{}")
            else:
                yield TextDelta("Fine.")

        pieces = answer_with_tools(
            ask,
            [ChatMessage("user", asked.text)],
            self,
            progress=progress,
            sleep=self._sleep,
        )
        try:
            async for piece in pieces:
                yield piece.text
        finally:
            await pieces.aclose()


async def test_a_result_that_comes_after_its_reply_is_told_in_a_reply_of_its_own() -> None:
    sleep = ManualSleep()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep) as talk:
        talk.conversation.prompt(asked("rain?"))
        await sleep.pass_by(LATE_AFTER - 0.1)
        assert talk.conversation.answering
        await sleep.pass_by(0.2)
        await talk.quiet()
        assert talk.voice.sent == {"r1": REMARKS + LATE}
        assert talk.ended[0].trace.outcome is Outcome.SPOKEN
        assert (list(mind.running), talk.conversation.late_tools) == (["rain?"], 1)
        assert talk.remembered == ["rain?", LATE], "the bot knows what it has promised"
        talk.conversation.prompt(asked("Hello", BEN))
        await settle()
        await talk.quiet()
        mind.running["rain?"].set_result("from noon")
        await settle()
        await talk.quiet()
        assert talk.voice.sent["r3"] == "Found: from noon"
        assert (talk.taken[-1].author, talk.taken[-1].person, talk.taken[-1].late) == ("Ada", ADA, True)
        assert talk.remembered == ["rain?", LATE, "Hello", "Fine.", "Found: from noon"]
        ((called, result),) = mind.results
        assert [call.id for call in called.calls] == [result.answers] == ["rain?"]
        assert talk.conversation.late_tools == 0


async def test_a_late_result_waits_for_the_end_of_the_reply_that_is_spoken() -> None:
    sleep = ManualSleep()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep) as talk:
        talk.conversation.prompt(asked("rain?"))
        await sleep.pass_by(LATE_AFTER)
        await talk.quiet()
        talk.conversation.prompt(asked("snow?", BEN))
        await settle()
        mind.running["rain?"].set_result("from noon")
        await settle()
        assert "Found: from noon" not in talk.voice.sent.values()
        mind.running["snow?"].set_result("never")
        await settle()
        await talk.quiet()
        assert (talk.voice.sent["r2"], talk.voice.sent["r3"]) == ("Now: never", "Found: from noon")


async def test_a_stop_the_askers_dismissal_and_the_end_of_the_call_each_end_late_tools() -> None:
    for ending in ("stop", "dismiss", "end of the call"):
        sleep, before = ManualSleep(), asyncio.all_tasks()
        mind = Searcher(sleep)
        async with talking(responder=mind, sleep=sleep) as talk:
            talk.conversation.prompt(asked("rain?"))
            await sleep.pass_by(LATE_AFTER)
            await talk.quiet()
            assert mind.running
            if ending == "stop":
                assert talk.conversation.stop(), "there was something to stop"
            elif ending == "dismiss":
                talk.conversation.dismiss(BEN)
                assert talk.conversation.late_tools == 1
                talk.conversation.dismiss(ADA)
            if ending != "end of the call":
                await settle()
                assert (mind.running, talk.conversation.late_tools, len(talk.taken)) == ({}, 0, 1)
        assert (mind.running, mind.ended) == ({}, ["rain?"])
        assert asyncio.all_tasks() <= before


async def test_an_interruption_of_the_remark_ends_the_tool_with_its_reply() -> None:
    sleep = ManualSleep()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep) as talk:
        which = TurnId(BEN, 1)
        talk.conversation.prompt(asked("rain?"))
        await settle()
        await sleep.pass_by(LATE_AFTER - 0.1)
        talk.conversation.interruption_started(which)
        talk.voice.silent = True
        await sleep.pass_by(0.1)
        assert talk.conversation.late_tools == 1
        assert talk.conversation.answering
        talk.conversation.interruption_confirmed(which)
        await wait_until(lambda: not mind.running)
        assert talk.ended[0].trace.outcome is Outcome.INTERRUPTED
        assert talk.conversation.late_tools == 0


async def test_the_result_for_a_person_who_has_left_is_not_spoken() -> None:
    sleep, gone = ManualSleep(), set[int]()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep, present=lambda person: person not in gone) as talk:
        talk.conversation.prompt(asked("rain?"))
        await sleep.pass_by(LATE_AFTER)
        await talk.quiet()
        gone.add(ADA)
        mind.running["rain?"].set_result("from noon")
        await settle()
        assert (len(talk.taken), mind.results, talk.conversation.late_tools) == (1, [], 0)


async def test_a_tool_that_takes_too_long_is_ended_and_this_is_reported() -> None:
    sleep = ManualSleep()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep) as talk:
        talk.conversation.prompt(asked("rain?"))
        await sleep.pass_by(LATE_AFTER + LATE_SECONDS)
        await talk.quiet()
        assert mind.running == {}
        assert "was ended" in talk.voice.sent["r2"]


async def test_if_too_many_replies_have_late_tools_the_next_reply_waits_for_its_tool_until_the_tool_is_ended() -> None:
    sleep = ManualSleep()
    mind = Searcher(sleep)
    async with talking(responder=mind, sleep=sleep) as talk:
        for number in range(MAX_LATE):
            talk.conversation.prompt(asked(f"q{number}?"))
            await sleep.pass_by(LATE_AFTER)
            await talk.quiet()
        talk.conversation.prompt(asked("one more?"))
        await sleep.pass_by(LATE_AFTER + 1.0)
        assert talk.conversation.answering, "the reply waits for its tool"
        await sleep.pass_by(MAX_SECONDS)
        await talk.quiet()
        assert "was ended" in talk.voice.sent[f"r{MAX_LATE + 1}"]
        assert talk.conversation.late_tools == MAX_LATE
