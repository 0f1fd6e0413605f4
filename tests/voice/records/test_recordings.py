"""What stays of a recording of people who do not want to be listened to any more."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import numpy as np
import pytest

from bot.recorded_answers import BOT_FILE, RecordedAnswers
from bot.voice.events import PromptTaken, ReplyEnded
from bot.voice.input_processor import SoundRecorder
from bot.voice.metrics import ReplyTrace
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.recorder import CallRecorder
from bot.voice.records.recordings import Recordings
from bot.voice.transport import EndCause
from bot.voice.turn import Outcome, Prompt
from tests.timing import LIMIT
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, ThinkingMind
from tests.voice.memory_call import ADA, BEN, memory_call
from tests.voice.memory_transport import MemoryTransport
from wire.parameters import SpeechParameters

NOW = 100.0


@dataclass
class Sound:
    """A call's sound, of which the test passes pieces to the recorder."""

    recorder: SoundRecorder | None = None


def recite(text: str) -> PromptHandle:
    """Everybody has heard the announcement at once."""
    handle = PromptHandle(Prompt("Seiyuu", text, NOW), Mock())
    handle.end(Outcome.SPOKEN)
    return handle


def recordings_of(sound: Sound, notices: Mock, folder: Path) -> Recordings:
    return Recordings(
        sound,
        "c1",
        MemoryTransport({ADA: "Ada"}),
        notices,
        recite,
        lambda announcement: "I record.",
        SpeechParameters,
        folder,
        lambda person: True,
        remake=True,
        clock=lambda: NOW,
    )


async def test_whoever_opts_out_while_a_recording_is_being_closed_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, go, close = threading.Event(), threading.Event(), CallRecorder.close

    def close_slowly(self: CallRecorder) -> None:
        closing.set()
        assert go.wait(LIMIT)
        close(self)

    sound, notices = Sound(), Mock(announce=AsyncMock())
    recordings = recordings_of(sound, notices, tmp_path)
    await recordings.start("I record.")
    assert sound.recorder is not None
    sound.recorder.heard(ADA, np.ones(320, np.int16), NOW)
    recordings.note(PromptTaken("r1", "Ada", "Hello?", person=ADA))
    sound.recorder.spoken(np.full(960, 0.5, np.float32), NOW, "r1")
    recordings.note(ReplyEnded(ReplyTrace("r1", Outcome.SPOKEN, 0.0), "So it goes."))
    monkeypatch.setattr(CallRecorder, "close", close_slowly)
    stopping = asyncio.create_task(recordings.stop())
    try:
        assert await asyncio.to_thread(closing.wait, LIMIT)
        recordings.forget(ADA)
    finally:
        go.set()
        await stopping
    (folder,) = (tmp_path / "recordings").iterdir()
    assert [path.name for path in folder.iterdir()] == [BOT_FILE]


async def test_whoever_opts_out_while_the_answers_are_being_written_is_not_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go, write = threading.Event(), threading.Event(), RecordedAnswers.write

    def write_slowly(self: RecordedAnswers, folder: Path) -> None:
        writing.set()
        assert go.wait(LIMIT)
        write(self, folder)

    sound, notices = Sound(), Mock(announce=AsyncMock())
    recordings = recordings_of(sound, notices, tmp_path)
    await recordings.start("I record.")
    assert sound.recorder is not None
    for number, (person, words) in enumerate({ADA: "So it goes.", BEN: "That is so."}.items()):
        recordings.note(PromptTaken(f"r{number}", "Somebody", "Hello?", person=person))
        sound.recorder.spoken(np.full(960, 0.5, np.float32), NOW, f"r{number}")
        recordings.note(ReplyEnded(ReplyTrace(f"r{number}", Outcome.SPOKEN, 0.0), words))
    monkeypatch.setattr(RecordedAnswers, "write", write_slowly)
    stopping = asyncio.create_task(recordings.stop())
    try:
        assert await asyncio.to_thread(writing.wait, LIMIT)
        recordings.forget(ADA)
    finally:
        go.set()
        await stopping
    (folder,) = (tmp_path / "recordings").iterdir()
    assert [answer.text for answer in RecordedAnswers.read(folder).answers] == ["", "That is so."]


async def test_whoever_opts_out_while_the_bot_leaves_is_not_in_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Recordings._close
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        await memory.call.recordings.start("I record.")
        assert memory.call.input_worker.processor.recorder is not None
        for person in (ADA, BEN):
            memory.call.input_worker.processor.recorder.heard(person, np.ones(320, np.int16), time.monotonic())

        async def opt_out_and_close(self: Recordings) -> None:
            await memory.consent.opt_out(ADA)
            await close(self)

        monkeypatch.setattr(Recordings, "_close", opt_out_and_close)
        await memory.call.close(EndCause.FAILURE)
    (folder,) = (tmp_path / "recordings").iterdir()
    assert [path.name for path in folder.iterdir() if path.name != BOT_FILE] == [f"Ben-{BEN}.wav"]
