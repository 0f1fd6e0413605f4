"""Guesses from interim transcripts: a reply is prepared as soon as a pause begins, if an interim has its words."""

from __future__ import annotations

import pytest

from bot.voice.open_turn import MISSED
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


async def test_the_guess_begins_with_the_pause_and_its_words_confirm_it(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await shown.transcriber.say("What time is it")
    assert shown.lines == ["hold"], "nothing is guessed while the person speaks"
    await pause(shown)
    assert shown.lines == ["hold", "speculate What time is it"]
    assert shown.pauses.estimates == [], "only the words of the pause say whether the turn is over"
    await shown.transcriber.say("What time is it?")
    await shown.feed(ended(ADA, PAUSED))
    assert shown.lines[-2:] == ["commit What time is it?", "free"]
    assert shown.pauses.estimates == [(ADA, 0.75, False)]


async def test_an_interim_that_is_not_ready_at_the_pause_makes_the_guess_when_it_is(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await pause(shown)
    assert len(shown.transcriber.asked) == 2
    await shown.transcriber.say("What time is it", number=0)
    assert shown.lines == ["hold", "speculate What time is it"]


async def test_a_key_that_is_released_at_once_does_not_prevent_the_guess(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await pause(shown)
    await shown.feed(ended(ADA, PAUSED))
    await shown.transcriber.say("What time is it", number=0)
    assert shown.lines == ["hold", "speculate What time is it"], "it is committed only to the words of the pause"
    await shown.transcriber.say("What time is it?")
    assert shown.lines[2:] == ["commit What time is it?", "free"]


async def test_an_interim_that_lacks_more_than_the_last_syllable_makes_no_guess(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await shown.transcriber.say("What time")
    await pause(shown, HEARD + round((MISSED + 0.1) * 16_000))
    assert shown.lines == ["hold"]


async def test_a_person_who_speaks_on_takes_the_guess_back(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await shown.transcriber.say("What time")
    await pause(shown)
    await shown.feed(SpeechResumed(ADA, 2.2))
    assert shown.lines == ["hold", "speculate What time", "discard"]


async def test_a_guess_is_taken_back_if_the_words_of_the_pause_are_not_for_the_bot(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await shown.transcriber.say("What time")
    await pause(shown)
    await shown.transcriber.say("others: What time?")
    assert shown.lines == ["hold", "speculate What time", "discard"]


@pytest.mark.parametrize("heard", ["", "others: What time is it"])
async def test_words_that_are_not_for_the_bot_make_no_guess(shown: TurnTakingHarness, heard: str) -> None:
    await speak(shown)
    await shown.transcriber.say(heard)
    await pause(shown)
    assert shown.lines == ["hold"]


async def test_an_interim_that_comes_after_the_words_of_the_pause_makes_no_guess(shown: TurnTakingHarness) -> None:
    await speak(shown)
    await pause(shown)
    await shown.transcriber.say("What time is it?")
    await shown.transcriber.say("What time is", number=0)
    assert shown.lines == ["hold", "speculate What time is it?"]


async def test_the_words_of_earlier_parts_are_in_the_guess(shown: TurnTakingHarness) -> None:
    await shown.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(9), 15.0))
    await shown.transcriber.say("Once upon a time")
    await shown.feed(SpeechSoFar(ADA, sound(HEARD), 16.0, may_be_echo=False))
    await shown.transcriber.say("there was a cat")
    await pause(shown)
    assert shown.lines == ["hold", "speculate Once upon a time there was a cat"]


@pytest.mark.parametrize("known", [False, True], ids=["its words are not known", "its words are known"])
async def test_an_interim_of_sound_that_was_cut_off_since_makes_no_guess(shown: TurnTakingHarness, known: bool) -> None:
    await speak(shown)
    await shown.transcriber.say("Once upon a time")
    await shown.feed(TurnPart(ADA, sound(HEARD), 15.0))
    if known:
        await shown.transcriber.say("Once upon a time")
    await pause(shown)
    assert shown.lines == ["hold"]


async def test_an_interruption_waits_for_the_words_of_the_pause(shown: TurnTakingHarness) -> None:
    shown.replies.answering = True
    await speak(shown)
    await shown.transcriber.say("mhm")
    await pause(shown)
    assert shown.lines == ["hold"]
    await shown.transcriber.say("stop telling me that")
    assert shown.lines == ["hold", "interrupt", "speculate stop telling me that"]
