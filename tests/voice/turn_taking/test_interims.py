"""Interim transcripts: those who watch a call see the words of somebody who still speaks."""

from __future__ import annotations

import pytest

from bot.voice.events import CallEvent, UtteranceHeard, WordsSoFar
from bot.voice.transcribe.transcriber import TranscriptionShed, Urgency
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnDropped, TurnPart, TurnStarted
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound


def so_far(turn: TurnId, number: int, at: float, *, may_be_echo: bool = False) -> SpeechSoFar:
    return SpeechSoFar(turn, sound(number), at, may_be_echo)


def words(events: list[CallEvent]) -> list[tuple[str, str] | str]:
    """The interim words as pairs of all words and settled words, and the final ones."""
    return [
        (event.text, event.settled) if isinstance(event, WordsSoFar) else event.text
        for event in events
        if isinstance(event, WordsSoFar | UtteranceHeard)
    ]


async def test_words_are_shown_while_somebody_speaks_and_then_replaced(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    assert with_interims.transcriber.asked[-1].urgency is Urgency.ONLY_IF_IDLE
    await with_interims.transcriber.say("What time")
    await with_interims.feed(so_far(ADA, 4, 2.1))
    await with_interims.transcriber.say("What time is")
    await with_interims.feed(SpeechPaused(ADA, sound(9_000), 2.5, 2.6), ended(ADA, 9_000))
    await with_interims.transcriber.say("What time is it?")
    assert words(with_interims.watched) == [("What time", ""), ("What time is", "What time"), "What time is it?"]
    assert with_interims.lines == ["hold", "commit What time is it?", "free"], "nothing is answered before the pause"


async def test_no_interim_transcripts_are_made_by_default(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    assert harness.transcriber.asked == []


async def test_only_one_interim_is_made_at_a_time_and_is_followed_by_a_pause_as_long_as_it_took(
    with_interims: TurnTakingHarness,
) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6), so_far(ADA, 4, 2.1))
    assert len(with_interims.transcriber.asked) == 1
    with_interims.times.append(with_interims.times[-1] + 2.0)
    await with_interims.transcriber.say("What")
    with_interims.times.append(with_interims.times[-1] + 1.9)
    await with_interims.feed(TurnStarted(BEN, 1.0, 1.1), so_far(BEN, 3, 1.6), so_far(ADA, 5, 2.1))
    assert len(with_interims.transcriber.asked) == 1, "other people's turns take up the same machine"
    with_interims.times.append(with_interims.times[-1] + 0.2)
    await with_interims.feed(so_far(ADA, 6, 2.6))
    assert len(with_interims.transcriber.asked) == 2


async def test_an_interim_for_which_the_transcriber_had_no_time_is_tried_again(
    with_interims: TurnTakingHarness,
) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.transcriber.fail(TranscriptionShed("busy"))
    await with_interims.feed(so_far(ADA, 4, 2.1))
    await with_interims.transcriber.say("What")
    assert words(with_interims.watched) == [("What", "")]
    assert with_interims.notices == []


@pytest.mark.parametrize("final", ["echo: once", ""])
async def test_words_of_a_turn_that_does_not_count_are_taken_back(with_interims: TurnTakingHarness, final: str) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.transcriber.say("once")
    await with_interims.feed(SpeechPaused(ADA, sound(5), 2.5, 2.6), ended(ADA, 5))
    await with_interims.transcriber.say(final)
    assert words(with_interims.watched) == [("once", ""), ("", "")]


async def test_words_of_a_dropped_turn_are_taken_back_and_late_ones_never_come(
    with_interims: TurnTakingHarness,
) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.transcriber.say("once")
    await with_interims.feed(so_far(ADA, 4, 2.1))
    await with_interims.feed(TurnDropped(ADA, 2.2))
    assert with_interims.transcriber.answers[-1].cancelled()
    assert words(with_interims.watched) == [("once", ""), ("", "")]


@pytest.mark.parametrize("heard", ["echo: once upon", "once", ""])
async def test_possible_echoes_and_silence_are_never_shown(with_interims: TurnTakingHarness, heard: str) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6, may_be_echo=True))
    await with_interims.transcriber.say(heard)
    await with_interims.feed(TurnDropped(ADA, 2.2))
    assert words(with_interims.watched) == []


async def test_words_that_come_after_the_final_ones_are_not_shown(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.feed(SpeechPaused(ADA, sound(5), 2.5, 2.6, may_be_echo=False))
    await with_interims.transcriber.say("What time is it?")
    await with_interims.transcriber.say("What", number=0)
    await with_interims.feed(ended(ADA, 5))
    assert words(with_interims.watched) == ["What time is it?"]


async def test_the_parts_of_a_long_turn_are_settled(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.transcriber.say("Once upon a")
    await with_interims.feed(TurnPart(ADA, sound(9), 15.0))
    await with_interims.transcriber.say("Once upon a time")
    await with_interims.feed(so_far(ADA, 4, 16.0))
    await with_interims.transcriber.say("Once more")
    assert words(with_interims.watched) == [("Once upon a", ""), ("Once upon a time Once more", "Once upon a time")]


async def test_words_of_a_part_that_has_ended_meanwhile_are_not_shown_twice(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), so_far(ADA, 3, 1.6))
    await with_interims.feed(TurnPart(ADA, sound(9), 15.0))
    await with_interims.transcriber.say("Once upon a time")
    await with_interims.transcriber.say("Once upon a", number=0)
    assert words(with_interims.watched) == []
