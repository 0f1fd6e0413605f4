"""Speech into a reply: who interrupts it, who does not, and an echo that interrupts nothing."""

from __future__ import annotations

import pytest

from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnStarted
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.voice.turn_taking.table import ADA, BEN, Table, ended, sound


@pytest.mark.parametrize("turn", [ADA, BEN], ids=["may interrupt", "may not"])
async def test_a_stop_counts_as_when_it_was_said_and_not_as_when_its_words_are_known(
    table: Table, turn: TurnId
) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2))
    # On a busy machine the answer is over before anybody knows what was said into it.
    table.journal.answering = False
    await table.transcriber.say("stop: now")
    await table.feed(ended(turn, 5))
    assert [command.command for command in table.commands] == [VoiceCommand.STOP]
    assert "commit stop: now" not in table.lines


async def test_words_interrupt_as_soon_as_they_are_known_and_only_once(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await table.transcriber.say("stop telling")
    assert table.lines == ["hold", "interrupt"]
    await table.feed(SpeechSoFar(ADA, sound(4), 2.6))
    assert len(table.transcriber.asked) == 1
    await table.feed(SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await table.transcriber.say("stop telling me that")
    assert table.lines == ["hold", "interrupt", "commit stop telling me that", "free"]


@pytest.mark.parametrize("text", ["", "mhm", "echo: once upon a time"])
async def test_what_is_no_interruption_lets_the_reply_go_on(table: Table, text: str) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await table.transcriber.say(text)
    assert "interrupt" not in table.lines
    assert not any("commit" in line for line in table.lines)
    assert table.lines[-1] == "free"


async def test_an_echo_frees_the_floor_while_it_still_sounds(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await table.transcriber.say("echo: once upon")
    assert table.lines == ["hold", "free"]


async def test_who_says_the_bots_words_in_a_voice_of_their_own_is_answered_and_may_interrupt(table: Table) -> None:
    table.journal.answering = True
    so_far = SpeechSoFar(ADA, sound(3), 1.6, may_be_echo=False)
    await table.feed(TurnStarted(ADA, 1.0, 1.1), so_far)
    await table.transcriber.say("echo: once upon")
    assert table.lines == ["hold", "interrupt"]
    await table.feed(SpeechPaused(ADA, sound(5), 2.0, 2.2, may_be_echo=False), ended(ADA, 5))
    await table.transcriber.say("echo: once upon a time")
    assert "commit echo: once upon a time" in table.lines


async def test_who_may_not_interrupt_does_not_pause_the_reply_but_is_answered(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(BEN, 1.0, 1.1), SpeechPaused(BEN, sound(5), 2.0, 2.2), ended(BEN, 5))
    await table.transcriber.say("And me?")
    assert "hold" not in table.lines
    assert "interrupt" not in table.lines
    assert "commit And me?" in table.lines


async def test_a_stop_that_has_silenced_the_reply_already_is_still_a_command_and_gets_no_answer(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("stop")
    table.journal.answering = False
    await table.feed(ended(ADA, 5))
    assert [command.command for command in table.commands] == [VoiceCommand.STOP]
