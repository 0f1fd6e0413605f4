"""Turns whose words are not known, since the transcriber is busy or fails."""

from __future__ import annotations

from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionShed, Urgency
from bot.voice.turn import TurnId
from bot.voice.turn_taking import FAILURE_NOTICE_INTERVAL, NOT_UNDERSTOOD
from bot.voice.turns.events import SpeechPaused, TurnStarted
from tests.voice.turn_taking.table import ADA, HandTranscriber, Table, ended, seated, sound


async def test_a_shed_speculation_is_asked_again_once_the_turn_is_over(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.fail(TranscriptionShed("too busy"))
    await table.feed(ended(ADA, 5))
    assert [request.urgency for request in table.transcriber.asked] == [Urgency.SPECULATION, Urgency.FINAL]
    await table.transcriber.say("Hello.")
    assert "commit Hello." in table.lines
    assert table.troubles == []


async def test_who_can_be_understood_by_nobody_is_told_at_once_and_turns_are_taken_all_the_same() -> None:
    async with seated(HandTranscriber(broken=TranscriptionError("no model"))) as table:
        assert table.troubles == [NOT_UNDERSTOOD.format(cause="no model")]
        await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
        await table.transcriber.say("Hello.")
        assert table.lines == ["hold", "speculate Hello."]


async def test_a_transcriber_that_fails_is_told_once_and_the_floor_is_free(table: Table) -> None:
    for number in (1, 2):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.fail(TranscriptionError("the model is missing"))
    assert table.troubles == [NOT_UNDERSTOOD.format(cause="the model is missing")]
    assert table.lines[-1] == "free"


async def test_words_that_are_lost_much_later_are_told_again(table: Table) -> None:
    for number in range(1, 4):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.fail(TranscriptionError("the server is down"))
        table.times.append(table.times[-1] + 0.6 * FAILURE_NOTICE_INTERVAL)
    assert len(table.troubles) == 2
