"""The announcer says something to a person in the current call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE, Samples
from bot.call_announcer import CallAnnouncer
from bot.reminders.reminders import Words
from bot.voice.events import ReplyEnded, WordsSpoken
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.memory_call import ADA, BEN, MemoryCall, memory_call
from tests.voice.turn_taking.harness import ManualTranscriber

HERE, ELSEWHERE, NOBODY = 0, 5, 99


def hum(seconds: float) -> Samples:
    return np.full(round(seconds * SPEAKING_RATE), 0.1, np.float32)


def said(text: str) -> Words:
    return lambda _: text


@dataclass
class Stage:
    """A call with Ada and Ben, and an announcer that knows it."""

    memory: MemoryCall
    announcer: CallAnnouncer

    def spoken(self) -> list[str]:
        return [event.text for event in self.memory.events if isinstance(event, WordsSpoken)]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    voice = HummingSpeech(hum(0.2))
    async with memory_call(tmp_path, ManualTranscriber(), RepeatingResponder(), voice) as memory:
        yield Stage(memory, CallAnnouncer(lambda: (memory.call,)))


async def test_the_words_are_said_exactly_and_the_announcer_waits_until_they_were_said(stage: Stage) -> None:
    assert await stage.announcer.say(ADA, HERE, said("Ada, your timer is up."))
    assert stage.spoken() == ["Ada, your timer is up."]
    assert stage.memory.transport.played


async def test_private_words_are_said_only_in_the_call_of_their_channel(stage: Stage) -> None:
    channel = stage.memory.transport.prompts.id
    assert not await stage.announcer.say(ADA, HERE, said("A secret."), channel + 1)
    assert await stage.announcer.say(ADA, HERE, said("Our secret."), channel)
    assert stage.spoken() == ["Our secret."]


async def test_the_words_are_said_in_the_language_of_the_conversation(stage: Stage) -> None:
    assert await stage.announcer.say(ADA, HERE, lambda language: f"in {language}")
    assert stage.spoken() == [f"in {stage.memory.call.language}"]


async def test_several_announcements_are_made_one_after_the_other(stage: Stage) -> None:
    saying = [stage.announcer.say(ADA, HERE, said("One.")), stage.announcer.say(BEN, HERE, said("Two."))]
    assert await asyncio.gather(*saying) == [True, True]
    assert stage.spoken() == ["One.", "Two."]


@pytest.mark.parametrize(("person", "server"), [(NOBODY, HERE), (ADA, ELSEWHERE)])
async def test_nothing_is_said_if_the_person_would_not_hear_it_or_the_call_is_elsewhere(
    stage: Stage, person: int, server: int
) -> None:
    assert not await stage.announcer.say(person, server, said("A secret."))
    stage.memory.call.volume = 0.0
    assert not await stage.announcer.say(ADA, HERE, said("Nobody hears this."))
    assert stage.spoken() == []


async def test_without_a_call_nothing_is_said() -> None:
    assert not await CallAnnouncer(lambda: ()).say(ADA, HERE, said("Hello."))


async def test_what_is_interrupted_does_not_count_as_said(tmp_path: Path) -> None:
    long = HummingSpeech(hum(20.0))
    async with memory_call(tmp_path, ManualTranscriber(), RepeatingResponder(), long) as memory:
        saying = asyncio.create_task(
            CallAnnouncer(lambda: (memory.call,)).say(ADA, HERE, said("Ada, your timer is up."))
        )
        await memory.until(lambda event: isinstance(event, WordsSpoken))
        memory.call.conversation.stop()
        assert not await saying


async def test_if_the_bot_speaks_for_too_long_an_announcement_is_dropped_and_not_made_later(tmp_path: Path) -> None:
    long = HummingSpeech(hum(20.0))
    async with memory_call(tmp_path, ManualTranscriber(), RepeatingResponder(), long) as memory:
        first = asyncio.create_task(CallAnnouncer(lambda: (memory.call,)).say(ADA, HERE, said("Something long.")))
        await memory.until(lambda event: isinstance(event, WordsSpoken))
        assert not await CallAnnouncer(lambda: (memory.call,), limit=0.05).say(BEN, HERE, said("Too late."))
        first.cancel()
        await memory.until(lambda event: isinstance(event, ReplyEnded))
        await asyncio.gather(first, return_exceptions=True)
        assert [event.text for event in memory.events if isinstance(event, WordsSpoken)] == ["Something long."]
