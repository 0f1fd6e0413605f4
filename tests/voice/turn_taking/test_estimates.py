"""The estimate of how likely a pause is the end of a turn: when it is asked for, and whom it reaches."""

from __future__ import annotations

import asyncio

from bot.llm.history import Turn
from bot.voice.turn_taking import ESTIMATE_TURNS
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnStarted
from tests.voice.turn_taking.table import ADA, BEN, Table, ended, settle, sound


async def test_a_slow_estimate_of_the_end_does_not_hold_the_answer_back(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    for number in range(ESTIMATE_TURNS + 1):
        table.history.add(Turn.of_person("Ben", f"{number}", 2))
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("What time is it?")
    assert table.lines == ["hold", "speculate What time is it?"]
    assert table.end_of_turn.asked == [(5, "What time is it?", table.history.newest(ESTIMATE_TURNS))]
    assert table.history.newest(ESTIMATE_TURNS)[0].text == "1", "the newest are told"
    assert table.pauses.estimates == []
    table.end_of_turn.answer.set_result(0.9)
    await settle()
    assert table.pauses.estimates == [(ADA, 0.9, False)]


async def test_a_pause_is_estimated_no_more_when_they_go_on(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("What time is it?")
    await table.feed(SpeechResumed(ADA, 2.3))
    assert table.end_of_turn.answer.cancelled()
    assert table.pauses.estimates == []


async def test_the_end_of_a_turn_without_words_is_no_question(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("")
    assert table.end_of_turn.asked == []
    assert table.pauses.estimates == [(ADA, 1.0, True)]


async def test_an_estimate_of_the_end_that_fails_costs_nobody_an_answer(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    table.end_of_turn.answer.set_exception(RuntimeError("the model is broken"))
    for turn, number in ((ADA, 5), (BEN, 6)):
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2))
        await table.transcriber.say("Hello.")
        await table.feed(ended(turn, number))
    assert table.pauses.estimates == []
    assert [prompt.author for prompt in table.journal.prompts] == ["Ada", "Ben"]
