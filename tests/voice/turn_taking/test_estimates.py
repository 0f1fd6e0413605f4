"""End-of-turn estimates: when turn taking asks for them, and that it passes them on."""

from __future__ import annotations

import asyncio

import pytest

from bot.llm.history import Turn
from bot.voice.end_estimates import ESTIMATE_TURNS
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnStarted
from tests.timing import settle
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound


async def test_a_slow_estimate_does_not_delay_the_answer(harness: TurnTakingHarness) -> None:
    harness.end_of_turn.answer = asyncio.get_running_loop().create_future()
    for number in range(ESTIMATE_TURNS + 1):
        harness.history.add(Turn.of_person("Ben", f"{number}", 2))
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.say("What time is it?")
    assert harness.lines == ["hold", "speculate What time is it?"]
    assert harness.end_of_turn.asked == [(5, "What time is it?", harness.history.newest(ESTIMATE_TURNS))]
    assert harness.history.newest(ESTIMATE_TURNS)[0].text == "1", "only the newest turns are passed on"
    assert harness.pauses.estimates == []
    harness.end_of_turn.answer.set_result(0.9)
    await settle()
    assert harness.pauses.estimates == [(ADA, 0.9, False)]


@pytest.mark.parametrize(("seconds", "known"), [(170.0, 1), (190.0, 0)])
async def test_turns_of_minutes_ago_are_not_passed_to_the_estimate(
    harness: TurnTakingHarness, seconds: float, known: int
) -> None:
    harness.history.add(Turn.of_bot("Where shall we go?"))
    harness.times.append(harness.times[-1] + seconds)
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.say("After the concert.")
    assert [len(history) for _, _, history in harness.end_of_turn.asked] == [known]


async def test_the_estimate_of_a_pause_is_cancelled_when_the_person_speaks_on(harness: TurnTakingHarness) -> None:
    harness.end_of_turn.answer = asyncio.get_running_loop().create_future()
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.say("What time is it?")
    await harness.feed(SpeechResumed(ADA, 2.3))
    assert harness.end_of_turn.answer.cancelled()
    assert harness.pauses.estimates == []


async def test_a_turn_without_words_counts_as_over_without_an_estimate(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.say("")
    assert harness.end_of_turn.asked == []
    assert harness.pauses.estimates == [(ADA, 1.0, True)]


async def test_a_turn_is_answered_even_if_its_estimate_fails(harness: TurnTakingHarness) -> None:
    harness.end_of_turn.answer = asyncio.get_running_loop().create_future()
    harness.end_of_turn.answer.set_exception(RuntimeError("the model is broken"))
    for turn, number in ((ADA, 5), (BEN, 6)):
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2))
        await harness.transcriber.say("Hello.")
        await harness.feed(ended(turn, number))
    assert harness.pauses.estimates == []
    assert [prompt.author for prompt in harness.replies.prompts] == ["Ada", "Ben"]
