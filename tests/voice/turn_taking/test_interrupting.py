"""Speech during a reply: words interrupt it; backchannels, echoes and people without the right do not."""

from __future__ import annotations

import pytest

from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnStarted
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound


@pytest.mark.parametrize("turn", [ADA, BEN], ids=["may interrupt", "may not"])
async def test_a_stop_counts_for_the_time_when_it_was_said(harness: TurnTakingHarness, turn: TurnId) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2))
    # On a busy machine the answer is over before the words of the turn are known.
    harness.replies.answering = False
    await harness.transcriber.say("stop: now")
    await harness.feed(ended(turn, 5))
    assert [command.kind for command in harness.commands] == [VoiceCommand.STOP]
    assert "commit stop: now" not in harness.lines


async def test_words_interrupt_as_soon_as_they_are_known_and_only_once(harness: TurnTakingHarness) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await harness.transcriber.say("stop telling")
    assert harness.lines == ["hold", "interrupt"]
    await harness.feed(SpeechSoFar(ADA, sound(4), 2.6))
    assert len(harness.transcriber.asked) == 1
    await harness.feed(SpeechPaused(ADA, sound(9_000), 2.0, 2.2), ended(ADA, 9_000))
    await harness.transcriber.say("stop telling me that")
    assert harness.lines == ["hold", "interrupt", "commit stop telling me that", "free"]


@pytest.mark.parametrize("text", ["", "mhm", "echo: once upon a time"])
async def test_utterances_that_are_no_interruption_let_the_reply_continue(
    harness: TurnTakingHarness, text: str
) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await harness.transcriber.say(text)
    assert "interrupt" not in harness.lines
    assert not any("commit" in line for line in harness.lines)
    assert harness.lines[-1] == "free"


async def test_an_echo_releases_the_floor_before_it_ends(harness: TurnTakingHarness) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await harness.transcriber.say("echo: once upon")
    assert harness.lines == ["hold", "free"]


async def test_a_person_who_repeats_words_of_the_bot_is_answered_and_may_interrupt(
    harness: TurnTakingHarness,
) -> None:
    harness.replies.answering = True
    so_far = SpeechSoFar(ADA, sound(3), 1.6, may_be_echo=False)
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), so_far)
    await harness.transcriber.say("echo: once upon")
    assert harness.lines == ["hold", "interrupt"]
    await harness.feed(SpeechPaused(ADA, sound(5), 2.0, 2.2, may_be_echo=False), ended(ADA, 5))
    await harness.transcriber.say("echo: once upon a time")
    assert "commit echo: once upon a time" in harness.lines


async def test_a_person_who_may_not_interrupt_does_not_hold_the_reply_but_is_answered(
    harness: TurnTakingHarness,
) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(BEN, 1.0, 1.1), SpeechPaused(BEN, sound(5), 2.0, 2.2), ended(BEN, 5))
    await harness.transcriber.say("And me?")
    assert "hold" not in harness.lines
    assert "interrupt" not in harness.lines
    assert "commit And me?" in harness.lines


async def test_a_stop_that_has_already_ended_the_reply_is_still_a_command_without_an_answer(
    harness: TurnTakingHarness,
) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.transcriber.say("stop")
    harness.replies.answering = False
    await harness.feed(ended(ADA, 5))
    assert [command.kind for command in harness.commands] == [VoiceCommand.STOP]


async def test_sound_is_transcribed_only_once_a_second_to_find_interruptions_however_often_it_is_reported(
    harness: TurnTakingHarness,
) -> None:
    harness.replies.answering = True
    await harness.feed(TurnStarted(ADA, 1.0, 1.1))
    for quarter in range(9):
        await harness.feed(SpeechSoFar(ADA, sound(quarter + 1), 1.6 + quarter / 4))
        if len(harness.transcriber.answers) and not harness.transcriber.answers[-1].done():
            await harness.transcriber.say("")
    assert [len(request.sound) for request in harness.transcriber.asked] == [1, 5, 9]
