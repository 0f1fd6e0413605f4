"""Reading ahead: while somebody still speaks, the model reads the words of interim transcripts."""

from __future__ import annotations

import pytest

from bot.voice.listening_notice import CallMode
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnDropped, TurnPart, TurnStarted
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound


async def say_so_far(
    harness: TurnTakingHarness, text: str, turn: TurnId = ADA, *, may_be_echo: bool = False, at: float = 1.6
) -> None:
    """Have an interim transcript made, with these words."""
    await harness.feed(SpeechSoFar(turn, sound(3), at, may_be_echo=may_be_echo))
    await harness.transcriber.say(text)


async def test_the_model_reads_the_words_of_a_person_who_still_speaks(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1))
    await say_so_far(with_interims, "What time")
    await say_so_far(with_interims, "What time is it")
    assert with_interims.replies.read == ["Ada: ", "Ada: What time", "Ada: What time is it"]
    await with_interims.feed(SpeechPaused(ADA, sound(9_000), 2.5, 2.6), ended(ADA, 9_000))
    await with_interims.transcriber.say("What time is it?")
    assert with_interims.lines == ["hold", "commit What time is it?", "free"], "reading ahead begins no reply"


async def test_the_words_of_earlier_parts_are_read_too(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(9), 15.0))
    await with_interims.transcriber.say("Once upon a time")
    await say_so_far(with_interims, "there was", at=16.0)
    assert with_interims.replies.read[1:] == ["Ada: Once upon a time there was"]


@pytest.mark.parametrize("text", ["", "others: lunch", "again", "echo: once"])
async def test_words_that_are_not_for_the_bot_are_not_read(with_interims: TurnTakingHarness, text: str) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1))
    await say_so_far(with_interims, text, may_be_echo=text.startswith("echo"))
    assert with_interims.replies.read == ["Ada: "]


async def test_words_that_may_be_the_bots_own_are_not_read(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1))
    await say_so_far(with_interims, "What time", may_be_echo=True)
    assert with_interims.replies.read == ["Ada: "]


async def test_no_words_of_ignored_people_are_read_ahead_and_none_at_all_while_nothing_is_answered(
    with_interims: TurnTakingHarness,
) -> None:
    with_interims.people.ignored.add(ADA.person)
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1))
    await say_so_far(with_interims, "What time")
    await with_interims.feed(TurnDropped(ADA, 2.0))
    with_interims.turn_taking.mode = CallMode.TRANSCRIBE
    await with_interims.feed(TurnStarted(BEN, 3.0, 3.1))
    await say_so_far(with_interims, "What time", BEN)
    assert with_interims.replies.read == []


async def test_nobodys_words_are_read_ahead_while_several_people_speak(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), TurnStarted(BEN, 1.0, 1.1))
    await say_so_far(with_interims, "What time")
    await with_interims.feed(TurnDropped(BEN, 2.0))
    await say_so_far(with_interims, "What time is it")
    assert with_interims.replies.read == ["Ada: ", "Ben: ", "Ada: What time is it"]


async def test_words_that_a_speculative_reply_has_read_are_not_read_again(with_interims: TurnTakingHarness) -> None:
    await with_interims.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6, may_be_echo=False))
    await with_interims.feed(SpeechPaused(ADA, sound(4), 2.0, 2.1, may_be_echo=False))
    await with_interims.transcriber.say("What time is it", number=0)
    assert with_interims.lines == ["hold", "speculate What time is it"]
    assert with_interims.replies.read == ["Ada: "]
