"""Words that come late, because the transcriber hangs: nobody else waits for them for long."""

from __future__ import annotations

from audio.samples import HEARING_RATE
from bot.voice.ended_turns import WORDS_LIMIT
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, TurnStarted
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound

LENGTH = 2.0
"""Seconds of a turn's sound."""
SAMPLES = round(LENGTH * HEARING_RATE)


async def say(harness: TurnTakingHarness, *turns: TurnId) -> None:
    for turn in turns:
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(SAMPLES), 2.0, 2.2))
        await harness.feed(ended(turn, SAMPLES))


async def test_the_floor_is_free_again_if_the_words_of_a_turn_do_not_come(harness: TurnTakingHarness) -> None:
    await say(harness, ADA)
    await harness.sleep.pass_by(WORDS_LIMIT + LENGTH - 0.1)
    assert harness.lines == ["hold"]
    await harness.sleep.pass_by(0.2)
    assert harness.lines == ["hold", "discard", "free"], "nobody waits for a reply to a guess at the words, either"
    await harness.transcriber.say("Hello.")
    assert harness.lines[3:] == ["commit Hello.", "free"], "late words are answered, too"


async def test_late_words_do_not_interrupt_the_reply_that_goes_on_without_them(harness: TurnTakingHarness) -> None:
    harness.replies.answering = True
    await say(harness, ADA)
    await harness.sleep.pass_by(WORDS_LIMIT + LENGTH + 0.1)
    await harness.transcriber.say("Wait, what?")
    assert harness.lines == ["hold", "discard", "free", "commit Wait, what?", "free"]


async def test_later_turns_wait_for_a_late_one_no_longer_than_the_limit(harness: TurnTakingHarness) -> None:
    await say(harness, ADA, BEN)
    await harness.transcriber.say("And I?", 1)
    assert harness.replies.prompts == [], "turns are answered in order"
    await harness.sleep.pass_by(WORDS_LIMIT + LENGTH + 0.1)
    assert [prompt.text for prompt in harness.replies.prompts] == ["And I?"]
    await harness.transcriber.fail(TranscriptionError("no answer"), 0)
    assert harness.notices


async def test_words_that_come_in_time_end_the_wait(harness: TurnTakingHarness) -> None:
    harness.replies.answering = True
    await say(harness, ADA)
    await harness.transcriber.say("Stop that.")
    before = list(harness.lines)
    await harness.sleep.pass_by(WORDS_LIMIT + LENGTH + 0.1)
    assert harness.lines == before == ["hold", "interrupt", "commit Stop that.", "free"]
