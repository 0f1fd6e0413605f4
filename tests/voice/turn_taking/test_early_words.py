"""Transcriptions at pauses: without them, or when their budget is spent, the words are asked for when the turn ends."""

from __future__ import annotations

from bot.voice.speculation import PERIOD, Speculation
from bot.voice.transcribe.transcriber import Urgency
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnStarted
from tests.voice.turn_taking.harness import ADA, TurnTakingHarness, ended, running_turn_taking, sound


async def speak_with_a_pause(harness: TurnTakingHarness, turn: TurnId) -> None:
    await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2))
    await harness.feed(SpeechResumed(turn, 2.3))


def urgencies(harness: TurnTakingHarness) -> list[Urgency]:
    return [request.urgency for request in harness.transcriber.asked]


async def test_a_transcriber_that_may_not_run_ahead_is_asked_once_at_the_end() -> None:
    async with running_turn_taking(speculation=Speculation(words=False)) as harness:
        await speak_with_a_pause(harness, ADA)
        await harness.feed(SpeechPaused(ADA, sound(9), 2.9, 3.0))
        assert harness.transcriber.asked == []
        await harness.feed(ended(ADA, 9))
        assert [(request.urgency, len(request.sound)) for request in harness.transcriber.asked] == [(Urgency.FINAL, 9)]
        await harness.transcriber.say("Hello.")
        assert harness.lines[-2:] == ["commit Hello.", "free"]


async def test_transcriptions_at_pauses_are_limited_if_they_cost_money_in_vain() -> None:
    allowed = Speculation(words_cost=True, wrong_a_minute=2)
    async with running_turn_taking(speculation=allowed) as harness:
        for number in range(1, 5):
            await speak_with_a_pause(harness, TurnId(1, number))
        assert len(harness.transcriber.asked) == 2
        turn = TurnId(1, 9)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(7), 2.0, 2.2), ended(turn, 7))
        assert urgencies(harness)[-1] is Urgency.FINAL, "the words of the whole turn are still asked for"
        harness.times.append(harness.times[-1] + PERIOD)
        await speak_with_a_pause(harness, TurnId(1, 10))
        assert urgencies(harness)[-1] is Urgency.SPECULATION


async def test_transcriptions_at_pauses_are_not_limited_if_they_cost_nothing(harness: TurnTakingHarness) -> None:
    for number in range(1, 50):
        await speak_with_a_pause(harness, TurnId(1, number))
    assert len(harness.transcriber.asked) == 49
