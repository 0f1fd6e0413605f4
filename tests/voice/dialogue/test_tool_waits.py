"""A conversation whose answers wait for tools: what is said meanwhile, and which tools run at all."""

from __future__ import annotations

import asyncio

from bot.voice.dialogue.tool_wait import FIRST_REMARK, REMARK_INTERVAL
from bot.voice.turn import Outcome, Prompt, TurnId
from tests.timing import ManualSleep, settle, wait_until
from tests.voice.dialogue.talk import ToolResponder, answer_to, prompt_of, talking

ADA = 7
ASKED = Prompt("Ada", "rain?", 0.0, person=ADA)


async def test_a_remark_comes_after_a_moment_and_only_one_more_however_long_the_wait_is() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    async with talking(responder=responder, sleep=sleep) as talk:
        talk.conversation.prompt(ASKED)
        await sleep.pass_by(FIRST_REMARK - 0.01)
        assert talk.voice.sent == {}
        await sleep.pass_by(0.01)
        assert talk.voice.sent == {"r1": "One moment.\n"}
        await sleep.pass_by(REMARK_INTERVAL)
        assert talk.voice.sent == {"r1": "One moment.\nI'm still on it.\n"}
        await sleep.pass_by(10 * REMARK_INTERVAL)
        responder.may_end.set()
        await talk.quiet()
        assert talk.voice.sent == {"r1": "One moment.\nI'm still on it.\n" + answer_to("rain?")}
        assert talk.remembered == ["rain?", answer_to("rain?").strip()]
        assert talk.ended[0].heard == answer_to("rain?").strip(), "captions have the answer only"


async def test_quick_tools_need_no_remark_even_if_the_model_then_thinks_for_long() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    responder.may_answer.clear()
    async with talking(responder=responder, sleep=sleep) as talk:
        talk.conversation.prompt(ASKED)
        await sleep.pass_by(FIRST_REMARK / 2)
        responder.may_end.set()
        await sleep.pass_by(10 * REMARK_INTERVAL)
        assert talk.voice.sent == {}
        responder.may_answer.set()
        await talk.quiet()
        assert talk.voice.sent == {"r1": answer_to("rain?")}


async def test_words_that_the_model_says_before_it_calls_a_tool_take_the_place_of_the_first_remark() -> None:
    responder, sleep = ToolResponder("Let me look."), ManualSleep()
    async with talking(responder=responder, sleep=sleep) as talk:
        talk.conversation.prompt(ASKED)
        await sleep.pass_by(FIRST_REMARK)
        assert talk.voice.sent == {"r1": "Let me look.\n"}
        responder.may_end.set()
        await talk.quiet()
        assert talk.remembered[-1] == f"Let me look.\n{answer_to('rain?').strip()}"


async def test_a_discarded_speculative_reply_never_runs_a_tool() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    responder.may_end.set()
    async with talking(responder=responder, sleep=sleep) as talk:
        which = TurnId(ADA, 1)
        talk.conversation.speculate(prompt_of(which, "leave"))
        await sleep.pass_by(60.0)
        assert responder.asked == ["leave"]
        assert (responder.running, responder.ran) == ([], []), "the tool waits for the end of the turn"
        talk.conversation.discard(which)
        await settle()
        talk.conversation.commit(prompt_of(which, "leave me some cake"))
        await talk.quiet()
        assert responder.ran == ["leave me some cake"]
        assert "r1" not in talk.voice.sent, "nothing is said for the discarded reply, not even a remark"


async def test_a_speculative_reply_runs_its_tool_once_when_it_is_committed() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    async with talking(responder=responder, sleep=sleep) as talk:
        which = TurnId(ADA, 1)
        talk.conversation.speculate(prompt_of(which, "rain?"))
        await sleep.pass_by(5.0)
        talk.conversation.commit(prompt_of(which, "rain?"))
        await settle()
        assert responder.running == ["rain?"]
        await sleep.pass_by(FIRST_REMARK)
        assert talk.voice.sent == {"r1": "One moment.\n"}
        responder.may_end.set()
        await talk.quiet()
        assert (responder.asked, responder.ran) == (["rain?"], ["rain?"])


async def test_an_interruption_during_a_tool_ends_the_tool_and_the_reply() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    async with talking(responder=responder, sleep=sleep) as talk:
        talk.conversation.prompt(ASKED)
        await sleep.pass_by(FIRST_REMARK)
        assert responder.running == ["rain?"]
        which = TurnId(ADA, 2)
        talk.conversation.interruption_started(which)
        talk.conversation.interruption_confirmed(which)
        await wait_until(lambda: not responder.running)
        assert responder.ran == []
        assert [ended.trace.outcome for ended in talk.ended] == [Outcome.INTERRUPTED]
        await sleep.pass_by(10 * REMARK_INTERVAL)
        assert talk.voice.sent == {"r1": "One moment.\n"}


async def test_the_end_of_the_call_ends_a_tool_and_its_wait() -> None:
    responder, sleep = ToolResponder(), ManualSleep()
    before = asyncio.all_tasks()
    async with talking(responder=responder, sleep=sleep) as talk:
        talk.conversation.prompt(ASKED)
        await sleep.pass_by(FIRST_REMARK)
    assert (responder.running, responder.ran) == ([], [])
    assert asyncio.all_tasks() <= before
