"""Turns whose words are lost, because the transcriber is too busy or fails."""

from __future__ import annotations

from bot.voice.events import SpeechStopped, UtteranceHeard
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionLimitError, TranscriptionShed, Urgency
from bot.voice.turn import TurnId
from bot.voice.turn_transcriber import FAILURE_NOTICE_INTERVAL, NOT_UNDERSTOOD
from bot.voice.turns.events import SpeechPaused, TurnPart, TurnStarted
from tests.voice.turn_taking.harness import (
    ADA,
    LIMITED,
    ManualTranscriber,
    TurnTakingHarness,
    ended,
    running_turn_taking,
    sound,
)


async def test_a_dropped_transcription_is_requested_again_when_the_turn_is_over(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.fail(TranscriptionShed("too busy"))
    await harness.feed(ended(ADA, 5))
    assert [request.urgency for request in harness.transcriber.asked] == [Urgency.SPECULATION, Urgency.FINAL]
    await harness.transcriber.say("Hello.")
    assert "commit Hello." in harness.lines
    assert harness.notices == []


async def test_a_transcriber_that_can_not_start_is_reported_and_turns_are_still_handled() -> None:
    async with running_turn_taking(ManualTranscriber(broken=TranscriptionError("no model"))) as harness:
        assert harness.notices == [NOT_UNDERSTOOD.format(cause="no model")]
        await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
        await harness.transcriber.say("Hello.")
        assert harness.lines == ["hold", "speculate Hello."]


async def test_the_words_of_a_long_turn_are_kept_if_only_its_end_is_lost(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(4), 2.0), SpeechPaused(ADA, sound(5), 3.0, 3.2))
    await harness.transcriber.say("What is a frog?", 0)
    await harness.transcriber.fail(TranscriptionError("the server is down"), 1)
    await harness.feed(ended(ADA, 5))
    assert "commit What is a frog?" in harness.lines
    assert harness.notices == [NOT_UNDERSTOOD.format(cause="the server is down")]


async def test_turns_of_a_person_who_is_to_be_forgotten_are_dropped_even_if_they_are_over(
    harness: TurnTakingHarness,
) -> None:
    ben = TurnId(2, 1)
    for turn in (ADA, ben):
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
    harness.turn_taking.forget(ADA.person)
    await harness.transcriber.say("And me?", 1)
    assert [prompt.text for prompt in harness.replies.prompts] == ["And me?"]
    assert len([event for event in harness.watched if isinstance(event, SpeechStopped)]) == 2


async def test_no_later_turn_of_a_person_who_is_to_be_forgotten_is_answered_in_place_of_an_earlier_one(
    harness: TurnTakingHarness,
) -> None:
    for turn in (ADA, TurnId(ADA.person, 2)):
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
    await harness.transcriber.say("This is a secret.", 1)
    harness.turn_taking.forget(ADA.person)
    assert harness.replies.prompts == []
    assert not [event for event in harness.watched if isinstance(event, UtteranceHeard)]


async def test_a_failing_transcriber_is_reported_once_and_the_floor_is_released(harness: TurnTakingHarness) -> None:
    for number in (1, 2):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.fail(TranscriptionError("the model is missing"))
    assert harness.notices == [NOT_UNDERSTOOD.format(cause="the model is missing")]
    assert harness.lines[-1] == "free"


async def test_lost_words_are_reported_again_after_the_interval(harness: TurnTakingHarness) -> None:
    for number in range(1, 4):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.fail(TranscriptionError("the server is down"))
        harness.times.append(harness.times[-1] + 0.6 * FAILURE_NOTICE_INTERVAL)
    assert len(harness.notices) == 2
    assert len(harness.lost) == 2, "a caller can't read the notices, and hears of it"


async def test_the_bot_says_once_in_a_call_that_the_limit_of_the_day_is_reached(harness: TurnTakingHarness) -> None:
    for number in range(1, 4):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.fail(TranscriptionLimitError("Today's limit is reached."))
        harness.times.append(harness.times[-1] + 2 * FAILURE_NOTICE_INTERVAL)
    assert harness.notices == [NOT_UNDERSTOOD.format(cause="Today's limit is reached."), LIMITED]
    assert harness.lost == [], "the limit is said in other words"
