"""Guesses: speculative replies to the words of an interim transcript, which are begun as soon as a pause begins."""

from __future__ import annotations

import pytest

from bot.voice.open_turn import MAX_MISSING_SECONDS
from bot.voice.turns.events import SpeechPaused, SpeechResumed, SpeechSoFar, TurnPart, TurnStarted
from tests.voice.turn_taking.harness import ADA, TurnTakingHarness, ended, sound

HEARD = 16_000
PAUSED = HEARD + round(0.3 * 16_000)
"""The length of a turn's sound at an interim transcript, and at a pause soon after it, in samples."""


async def speak(harness: TurnTakingHarness) -> None:
    """Begin a turn, and ask for an interim transcript."""
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(HEARD), 1.6, may_be_echo=False))


async def pause(harness: TurnTakingHarness, samples: int = PAUSED) -> None:
    await harness.feed(SpeechPaused(ADA, sound(samples), 2.0, 2.1, may_be_echo=False))


async def test_the_guess_begins_with_the_pause_and_the_words_of_the_pause_confirm_the_guess(
    with_interims: TurnTakingHarness,
) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say("What time is it")
    assert with_interims.lines == ["hold"], "nothing is guessed while the person speaks"
    await pause(with_interims)
    assert with_interims.lines == ["hold", "speculate What time is it"]
    assert with_interims.pauses.estimates == [], "only the words of the pause say whether the turn is over"
    await with_interims.transcriber.say("What time is it?")
    await with_interims.feed(ended(ADA, PAUSED))
    assert with_interims.lines[-2:] == ["commit What time is it?", "free"]
    assert with_interims.pauses.estimates == [(ADA, 0.75, False)]


async def test_an_interim_that_becomes_ready_during_the_pause_makes_the_guess_then(
    with_interims: TurnTakingHarness,
) -> None:
    await speak(with_interims)
    await pause(with_interims)
    assert len(with_interims.transcriber.asked) == 2
    await with_interims.transcriber.say("What time is it", number=0)
    assert with_interims.lines == ["hold", "speculate What time is it"]


async def test_a_key_that_is_released_at_once_does_not_prevent_the_guess(with_interims: TurnTakingHarness) -> None:
    await speak(with_interims)
    await pause(with_interims)
    await with_interims.feed(ended(ADA, PAUSED))
    await with_interims.transcriber.say("What time is it", number=0)
    assert with_interims.lines == ["hold", "speculate What time is it"], "only the words of the pause commit the guess"
    await with_interims.transcriber.say("What time is it?")
    assert with_interims.lines[2:] == ["commit What time is it?", "free"]


async def test_an_interim_that_lacks_more_than_the_last_syllable_makes_no_guess(
    with_interims: TurnTakingHarness,
) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say("What time")
    await pause(with_interims, HEARD + round((MAX_MISSING_SECONDS + 0.1) * 16_000))
    assert with_interims.lines == ["hold"]


async def test_a_person_who_speaks_on_takes_the_guess_back(with_interims: TurnTakingHarness) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say("What time")
    await pause(with_interims)
    await with_interims.feed(SpeechResumed(ADA, 2.2))
    assert with_interims.lines == ["hold", "speculate What time", "discard"]


async def test_a_guess_is_taken_back_if_the_words_that_are_known_at_the_pause_are_not_for_the_bot(
    with_interims: TurnTakingHarness,
) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say("What time")
    await pause(with_interims)
    await with_interims.transcriber.say("others: What time?")
    assert with_interims.lines == ["hold", "speculate What time", "discard"]


@pytest.mark.parametrize("heard", ["", "others: What time is it"])
async def test_words_that_are_not_for_the_bot_make_no_guess(with_interims: TurnTakingHarness, heard: str) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say(heard)
    await pause(with_interims)
    assert with_interims.lines == ["hold"]


async def test_an_interim_that_comes_after_the_words_of_the_pause_makes_no_guess(
    with_interims: TurnTakingHarness,
) -> None:
    await speak(with_interims)
    await pause(with_interims)
    await with_interims.transcriber.say("What time is it?")
    await with_interims.transcriber.say("What time is", number=0)
    assert with_interims.lines == ["hold", "speculate What time is it?"]


async def test_the_words_of_earlier_parts_are_in_the_guess(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(9), 15.0))
    await with_interims.transcriber.say("Once upon a time")
    await with_interims.feed(SpeechSoFar(ADA, sound(HEARD), 16.0, may_be_echo=False))
    await with_interims.transcriber.say("there was a cat")
    await pause(with_interims)
    assert with_interims.lines == ["hold", "speculate Once upon a time there was a cat"]


@pytest.mark.parametrize("known", [False, True], ids=["its words are not known", "its words are known"])
async def test_an_interim_of_a_part_that_has_ended_since_makes_no_guess(
    with_interims: TurnTakingHarness, known: bool
) -> None:
    await speak(with_interims)
    await with_interims.transcriber.say("Once upon a time")
    await with_interims.feed(TurnPart(ADA, sound(HEARD), 15.0))
    if known:
        await with_interims.transcriber.say("Once upon a time")
    await pause(with_interims)
    assert with_interims.lines == ["hold"]


async def test_an_interruption_waits_for_the_words_of_the_pause(with_interims: TurnTakingHarness) -> None:
    with_interims.replies.answering = True
    await speak(with_interims)
    await with_interims.transcriber.say("mhm")
    await pause(with_interims)
    assert with_interims.lines == ["hold"]
    await with_interims.transcriber.say("stop telling me that")
    assert with_interims.lines == ["hold", "interrupt", "speculate stop telling me that"]
