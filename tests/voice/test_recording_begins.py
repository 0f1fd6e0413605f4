"""A recording starts only after its announcement was heard. Announcements and other recited texts have an outcome."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE
from bot.llm.spoken_lines import Announcement
from bot.voice.dialogue.prompt_queue import MAX_WAITING
from bot.voice.events import NoticePosted, ReplyEnded, WordsSpoken
from bot.voice.listening_notice import RECORDING_DROPPED, RECORDING_NOT_HEARD, RECORDING_REFUSED
from bot.voice.records.announcing import MAX_ANNOUNCEMENTS
from bot.voice.records.recorder import RecordingError
from bot.voice.turn import Outcome, Prompt, PromptKind
from tests.timing import wait_until
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, MemoryCall, memory_call
from tests.voice.turn_taking.harness import ManualTranscriber

WRITTEN = "🔴 We are recorded."
TONE = (0.1 * np.sin(np.arange(24_000) / 20)).astype(np.float32)


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[MemoryCall]:
    async with memory_call(tmp_path, ManualTranscriber(), RepeatingResponder(), HummingSpeech()) as memory:
        yield memory


def recite(text: str) -> Prompt:
    return Prompt("Ada", text, 0.0, kind=PromptKind.RECITE)


async def segments_played(memory: MemoryCall, number: int) -> None:
    """Wait until this many segments have started to play."""
    async with asyncio.timeout(60):
        while sum(isinstance(event, WordsSpoken) for event in memory.events) < number:
            memory.changed.clear()
            await memory.changed.wait()


async def test_nothing_is_recorded_before_the_announcement_was_spoken(memory: MemoryCall, tmp_path: Path) -> None:
    starting = asyncio.create_task(memory.call.recordings.start(WRITTEN))
    await segments_played(memory, 1)
    assert memory.call.recordings.on, "a person who joins now is told about the recording"
    await memory.hear(ADA, TONE)
    await starting
    assert any(isinstance(event, ReplyEnded) and event.trace.outcome is Outcome.SPOKEN for event in memory.events)
    await memory.hear(ADA, TONE)
    await wait_until(lambda: list(tmp_path.rglob("Ada*")))
    await asyncio.sleep(0.1)
    await memory.call.recordings.stop()
    (folder,) = (tmp_path / "recordings").iterdir()
    (file,) = folder.iterdir()
    with wave.open(str(file), "rb") as written:
        sound = from_pcm16(written.readframes(written.getnframes()))
    assert file.name.startswith("Ada")
    assert np.count_nonzero(np.abs(sound) > 0.01) / HEARING_RATE < 0.55, "Ada has spoken for half a second since then"


async def test_a_recording_that_is_stopped_during_its_announcement_never_starts(
    memory: MemoryCall, tmp_path: Path
) -> None:
    starting = asyncio.create_task(memory.call.recordings.start(WRITTEN))
    await segments_played(memory, 1)
    await memory.call.recordings.stop()
    await starting
    assert not memory.call.recordings.on
    assert memory.call.input_worker.processor.recorder is None
    assert list((tmp_path / "recordings").iterdir()) == []


async def test_an_interrupted_announcement_is_repeated(memory: MemoryCall, tmp_path: Path) -> None:
    starting = asyncio.create_task(memory.call.recordings.start(WRITTEN))
    await segments_played(memory, 1)
    memory.call.conversation.stop()
    await starting
    assert sum(isinstance(event, WordsSpoken) for event in memory.events) == 2
    assert memory.call.input_worker.processor.recorder is not None
    await memory.call.recordings.stop()


async def test_nothing_is_recorded_if_every_announcement_is_interrupted(memory: MemoryCall, tmp_path: Path) -> None:
    starting = asyncio.create_task(memory.call.recordings.start(WRITTEN))
    for number in range(MAX_ANNOUNCEMENTS):
        await segments_played(memory, number + 1)
        memory.call.conversation.stop()
    with pytest.raises(RecordingError, match=RECORDING_NOT_HEARD):
        await starting
    assert not memory.call.recordings.on
    assert list((tmp_path / "recordings").iterdir()) == []


async def test_a_recording_whose_announcement_is_refused_says_so(memory: MemoryCall) -> None:
    for number in range(MAX_WAITING + 1):
        memory.call.say(recite(f"Number {number}."))
    with pytest.raises(RecordingError, match=RECORDING_REFUSED):
        await memory.call.recordings.start(WRITTEN)
    assert not memory.call.recordings.on


async def test_a_recording_whose_announcement_is_dropped_says_so(memory: MemoryCall) -> None:
    memory.call.say(recite("One."))
    starting = asyncio.create_task(memory.call.recordings.start(WRITTEN))
    async with asyncio.timeout(60):
        while memory.call.conversation.waiting == 0:
            await asyncio.sleep(0)
    memory.call.conversation.stop()
    with pytest.raises(RecordingError, match=RECORDING_DROPPED):
        await starting


async def test_a_recording_is_announced_in_the_language_of_the_call(tmp_path: Path) -> None:
    mind, voice = RepeatingResponder(), HummingSpeech()
    async with memory_call(tmp_path, ManualTranscriber(), mind, voice, language="de") as memory:
        await memory.call.recordings.start(WRITTEN)
        await memory.call.recordings.stop()
        handle = await memory.call.announce("⏹️", Announcement.RECORDING_ENDED)
        assert handle is not None
        await handle.played
        said = "".join(event.text for event in only(WordsSpoken, memory.events))
    assert said == "Dieses Gespräch wird ab jetzt aufgezeichnet.Die Aufzeichnung ist beendet."


async def test_an_announcement_is_among_the_events(memory: MemoryCall) -> None:
    await memory.call.announce("⏹️ It has ended.")
    await memory.call.recordings.start(WRITTEN)
    await memory.call.recordings.stop()
    written = [event.text for event in only(NoticePosted, memory.events)]
    assert written[-2:] == ["⏹️ It has ended.", WRITTEN]


async def test_the_second_refused_prompt_of_a_person_has_the_outcome_refused_too(memory: MemoryCall) -> None:
    said = [
        memory.call.say(Prompt("Ada", f"Number {number}.", 0.0, kind=PromptKind.RECITE, person=ADA))
        for number in range(MAX_WAITING + 3)
    ]
    assert [one.outcome for one in said[-2:]] == [Outcome.REFUSED, Outcome.REFUSED]


async def test_a_recited_text_has_the_outcome_of_its_reply(memory: MemoryCall) -> None:
    first, second, third = (memory.call.say(recite(text)) for text in ("One.", "Two.", "Three."))
    second.interrupt()
    assert (first.outcome, second.outcome, third.outcome) == (None, Outcome.DISCARDED, None)
    assert await first.played is Outcome.SPOKEN
    await segments_played(memory, 2)
    third.interrupt()
    assert await third.played is Outcome.INTERRUPTED
    first.interrupt()
    assert first.outcome is Outcome.SPOKEN
    assert [event.text for event in only(WordsSpoken, memory.events)] == ["One.", "Three."]


async def test_prompts_that_wait_when_the_call_ends_are_discarded(tmp_path: Path) -> None:
    async with memory_call(tmp_path, ManualTranscriber(), RepeatingResponder(), HummingSpeech()) as memory:
        first, second = (memory.call.say(recite(text)) for text in ("One.", "Two."))
    assert (first.outcome, second.outcome) == (Outcome.INTERRUPTED, Outcome.DISCARDED)
    assert memory.call.say(recite("Three.")).outcome is Outcome.DISCARDED
