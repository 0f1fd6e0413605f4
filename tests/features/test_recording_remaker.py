"""Tests of the recording remaker: what changes in a recording and what stays, also during calls and after errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE, Samples
from audio.wav import WavFile
from bot.features.recording_remaker.feature import FIRST_PAUSE, REMADE, RecordingRemaker
from bot.features.recording_remaker.recording_copy import COPY_FILE
from bot.recorded_answers import ANSWERS_FILE, BOT_FILE, RecordedAnswer, RecordedAnswers, Span
from bot.speech_server.errors import UnspeakableError, VoiceAwayError
from tests.timing import LIMIT, wait_until
from tests.tones import tone
from tests.voice.records.test_recorder import read
from wire.parameters import SpeechParameters

SECONDS = 20
CHANNEL = 7
OLD_HZ, NEW_HZ = 220, 880
ADA = b"what Ada said"


def answer(start: float, end: float, text: str = "So it goes.", *, interrupted: bool = False) -> RecordedAnswer:
    span = Span(round(start * SPEAKING_RATE), round(end * SPEAKING_RATE))
    return RecordedAnswer((span,), text, interrupted, SpeechParameters(voice="robin", speed=0.9))


def record(data_dir: Path, *answers: RecordedAnswer, name: str = "20260131T120000Z-Lounge") -> Path:
    """A recording of 20 s in which these answers of the bot are low tones."""
    folder = data_dir / "recordings" / name
    folder.mkdir(parents=True)
    file = WavFile(folder / BOT_FILE, SPEAKING_RATE)
    for said in answers:
        for span in said.spans:
            file.pad(span.start)
            file.write(tone((span.end - span.start) / SPEAKING_RATE, OLD_HZ, level=0.2))
    file.pad(SECONDS * SPEAKING_RATE)
    file.close()
    (folder / "Ada-11.wav").write_bytes(ADA)
    RecordedAnswers(CHANNEL, SECONDS * SPEAKING_RATE, answers).write(folder)
    return folder


class Voice:
    """A voice that speaks every text as a high tone of ``seconds`` at speed 0.9, unless the test says otherwise."""

    def __init__(self, seconds: float = 2.0) -> None:
        self.seconds = seconds
        self.better = True
        self.looked_for = 0
        self.asked: list[tuple[str, SpeechParameters]] = []
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Condition()

    async def has_better_voice(self) -> bool:
        self.looked_for += 1
        return self.better

    async def speak_better(self, text: str, parameters: SpeechParameters, rate: int) -> Samples:
        assert rate == SPEAKING_RATE
        self.asked.append((text, parameters))
        async with self.changed:
            self.changed.notify_all()
        await self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)
        return tone(self.seconds * 0.9 / (parameters.speed or 1.0), NEW_HZ, level=0.05)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(LIMIT), self.changed:
            await self.changed.wait_for(lambda: len(self.asked) >= times)


class Told:
    """Records the posted texts, and the seconds that the remaker has waited for the server."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self.pauses: list[float] = []

    async def tell(self, channel: int, text: str) -> None:
        self.texts.put_nowait((channel, text))

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def done(self) -> None:
        """Wait until a recording was remade."""
        async with asyncio.timeout(LIMIT):
            assert await self.texts.get() == (CHANNEL, REMADE)


@asynccontextmanager
async def remaking(data_dir: Path, voice: Voice) -> AsyncIterator[tuple[RecordingRemaker, Told]]:
    told = Told()
    remaker = RecordingRemaker(data_dir, voice, told.tell, sleep=told.sleep)
    running = asyncio.create_task(remaker.run())
    try:
        yield remaker, told
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def stretches(folder: Path) -> list[tuple[int, float, float]]:
    """The tones in the bot's file: pitch in Hz, start and end in seconds."""
    sound, rate = read(folder / BOT_FILE)
    assert (rate, len(sound)) == (SPEAKING_RATE, SECONDS * SPEAKING_RATE)
    blocks = sound.reshape(-1, SPEAKING_RATE // 50)
    pitch = [round(np.abs(np.fft.rfft(block)).argmax() * 50) if np.abs(block).max() > 0.01 else 0 for block in blocks]
    edges = [0, *(np.flatnonzero(np.diff(pitch)) + 1).tolist(), len(pitch)]
    return [(pitch[a], a / 50, b / 50) for a, b in pairwise(edges) if pitch[a]]


def new(start: float, end: float) -> tuple[int, Any, Any]:
    return (900, pytest.approx(start, abs=0.03), pytest.approx(end, abs=0.03))


def old(start: float, end: float) -> tuple[int, Any, Any]:
    return (200, pytest.approx(start, abs=0.03), pytest.approx(end, abs=0.03))


async def test_each_answer_is_replaced_in_its_place_as_loud_as_it_was(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 4, "One."), answer(6, 8, "Two."))
    voice = Voice()
    async with remaking(tmp_path, voice) as (_, told):
        await told.done()
    assert stretches(folder) == [new(1, 3), new(6, 8)]
    sound, _ = read(folder / BOT_FILE)
    assert np.abs(sound).max() == pytest.approx(0.2, rel=0.02)
    assert [text for text, _ in voice.asked] == ["One.", "Two."]
    assert {parameters.voice for _, parameters in voice.asked} == {"robin"}
    assert sorted(path.name for path in folder.iterdir()) == ["Ada-11.wav", BOT_FILE]
    assert (folder / "Ada-11.wav").read_bytes() == ADA


async def test_an_answer_that_is_a_little_too_long_is_spoken_faster(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3, "One."), answer(3.1, 5, "Two."))
    voice = Voice(seconds=2.2)
    async with remaking(tmp_path, voice) as (_, told):
        await told.done()
    assert stretches(folder)[0] == new(1, 3)
    assert [parameters.speed for _, parameters in voice.asked][:2] == [0.9, pytest.approx(0.99)]


async def test_an_answer_that_is_much_too_long_keeps_its_first_sound(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3, "One."), answer(4, 6, "Two."))
    async with remaking(tmp_path, Voice(seconds=4.0)) as (_, told):
        await told.done()
    first, second = stretches(folder)
    assert first == old(1, 3)
    assert second == new(4, 4 + 4 / 1.15), "there is room after the second answer"


async def test_an_interrupted_answer_does_not_go_on_in_the_recording(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3, "One.", interrupted=True), answer(10, 14, "Two."))
    async with remaking(tmp_path, Voice(seconds=3.0)) as (_, told):
        await told.done()
    assert stretches(folder) == [old(1, 3), new(10, 13)]


async def test_an_answer_that_cannot_be_spoken_again_keeps_its_first_sound(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3, "One."), answer(6, 8, ""), answer(10, 12, "Three."))
    voice = Voice()
    voice.faults = [UnspeakableError("it has no such voice")]
    async with remaking(tmp_path, voice) as (_, told):
        await told.done()
    assert stretches(folder) == [old(1, 3), old(6, 8), new(10, 12)]
    assert [text for text, _ in voice.asked] == ["One.", "Three."]


async def test_a_file_in_which_nothing_improves_stays_and_nobody_is_notified(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3))
    before = (folder / BOT_FILE).stat()
    voice = Voice()
    voice.faults = [UnspeakableError("the card is full")]
    async with remaking(tmp_path, voice) as (remaker, told):
        await voice.until_asked(1)
        await wait_until(lambda: not (folder / COPY_FILE).exists())
        await remaker.hold("a call")
        await remaker.release()
    after = (folder / BOT_FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert told.texts.empty()
    assert len(voice.asked) == 1, "the answer is not tried again after the call"
    async with remaking(tmp_path, voice) as (_, told):
        await told.done()


async def test_without_a_better_engine_recordings_wait_for_one(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3))
    voice = Voice()
    voice.better = False
    async with remaking(tmp_path, voice) as (remaker, told):
        await wait_until(lambda: voice.looked_for == 1)
        await remaker.hold("a call")
        voice.better = True
        assert stretches(folder) == [old(1, 3)]
        await remaker.release()
        await told.done()
    assert stretches(folder) == [new(1, 3)]


async def test_a_call_pauses_the_work_which_goes_on_from_the_same_place_afterwards(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3, "One."), answer(6, 8, "Two."), answer(10, 12, "Three."))
    voice = Voice()
    async with remaking(tmp_path, voice) as (remaker, told):
        await voice.until_asked(1)
        voice.gate.clear()
        await voice.until_asked(2)
        async with asyncio.timeout(LIMIT):
            await remaker.hold("a call")
        voice.gate.set()
        asked = len(voice.asked)
        assert stretches(folder) == [old(1, 3), old(6, 8), old(10, 12)], "the file is replaced only when all is done"
        other = record(tmp_path, answer(1, 3, "Four."), name="20260131T130000Z-Lounge")
        await asyncio.sleep(0.05)
        assert len(voice.asked) == asked, "nothing is made during a call"
        await remaker.release()
        await told.done()
        await told.done()
    assert stretches(folder) == [new(1, 3), new(6, 8), new(10, 12)]
    assert stretches(other) == [new(1, 3)]
    texts = [text for text, _ in voice.asked]
    assert texts.count("One.") == 1
    assert texts[-1] == "Four."


async def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 3))
    voice = Voice()
    voice.faults = [VoiceAwayError("it can't be reached")] * 3
    async with remaking(tmp_path, voice) as (_, told):
        await told.done()
    assert told.pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert stretches(folder) == [new(1, 3)]


async def test_stopping_in_the_middle_leaves_the_first_file_whole_and_the_next_start_finishes_the_work(
    tmp_path: Path,
) -> None:
    folder = record(tmp_path, answer(1, 3, "One."), answer(6, 8, "Two."))
    before = (folder / BOT_FILE).read_bytes()
    voice = Voice()
    async with remaking(tmp_path, voice):
        await voice.until_asked(1)
        voice.gate.clear()
        await voice.until_asked(2)
    assert (folder / BOT_FILE).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["Ada-11.wav", ANSWERS_FILE, BOT_FILE]
    # The unfinished copy of a killed process does no harm.
    (folder / COPY_FILE).write_bytes(b"half of it")
    async with remaking(tmp_path, Voice()) as (_, told):
        await told.done()
    assert stretches(folder) == [new(1, 3), new(6, 8)]


async def test_a_recording_that_was_changed_or_taken_away_is_left_alone(tmp_path: Path) -> None:
    changed = record(tmp_path, answer(1, 3), name="1")
    (changed / BOT_FILE).write_bytes(b"RIFF of another kind")
    (record(tmp_path, answer(1, 3), name="2") / BOT_FILE).unlink()
    fine = record(tmp_path, answer(1, 3), name="3")
    async with remaking(tmp_path, Voice()) as (_, told):
        await told.done()
    assert (changed / BOT_FILE).read_bytes() == b"RIFF of another kind"
    assert stretches(fine) == [new(1, 3)]


def has_holes(file: Path) -> bool:
    return file.stat().st_blocks * 512 < file.stat().st_size


async def test_silence_between_answers_takes_no_room_on_the_disk(tmp_path: Path) -> None:
    folder = record(tmp_path, answer(1, 2))
    if not has_holes(folder / BOT_FILE):
        pytest.skip("the file system has no holes")
    async with remaking(tmp_path, Voice(1.0)) as (_, told):
        await told.done()
    assert has_holes(folder / BOT_FILE)
