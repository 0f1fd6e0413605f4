"""Tests of a recorded call whose answers are remade by the better engine afterwards. Nothing else changes."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.samples import SPEAKING_RATE
from bot.features.recording_remaker.feature import REMADE, RecordingRemaker
from bot.features.recording_remaker.sound import end_limit
from bot.recorded_answers import ANSWERS_FILE, BOT_FILE, RecordedAnswers
from tests.e2e.conftest import Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, talk
from tests.features.talk import let_manage
from tts_server.engines.stand_in import TONE_HZ

ANSWERS = {"One?": "The first answer is a short one.", "Two?": "The second answer is quite a bit longer, as you hear."}
BEGINS_WITHIN = 0.2
"""Maximum seconds from the start of an answer to the start of its new sound. espeak-ng begins with a short silence."""


@pytest.fixture
async def two_voiced_server(tmp_path: Path) -> AsyncIterator[str]:
    """A real speech server: a low tone in calls, espeak-ng as the better engine."""
    async with serving_tones(tmp_path, TTS_BETTER_ENGINE="espeak") as address:
        yield address


async def test_only_the_answers_are_replaced_and_they_keep_their_places(
    make_stage: StageMaker, two_voiced_server: str, tmp_path: Path
) -> None:
    settings = {"tts_websocket_url": two_voiced_server, "answer_to": "name", "remake_recordings": True}
    async with (
        ScriptedModel(lambda line: Answer(next(text for asked, text in ANSWERS.items() if asked in line))) as model,
        make_stage(llm_url=model.url, **settings) as stage,
    ):
        folder = await _recorded_call(stage, tmp_path)
        before, recorded, others = _sound(folder), RecordedAnswers.read(folder), _files_of_people(folder)
        assert len(others) == 1
        assert RecordingRemaker.name in stage.app.manager.status().held, "remaking would compete with the call"
        await stage.answer_to("!leave", starts=REMADE)
    after = _sound(folder)
    assert len(after) == len(before)
    assert [answer.text for answer in recorded.answers] == list(ANSWERS.values()), (
        "the bot's announcement is not recorded"
    )
    changed = before != after
    for number, answer in enumerate(recorded.answers):
        # On a busy machine a frame may be late, so that one answer has several spans.
        spoken = slice(answer.spans[0].start, answer.spans[-1].end)
        replaced = slice(spoken.start, end_limit(recorded, number))
        assert _hertz(before[spoken]) == pytest.approx(TONE_HZ, rel=0.03)
        assert _hertz(after[spoken]) != pytest.approx(TONE_HZ, rel=0.03)
        assert _first_voiced(after[replaced]) < BEGINS_WITHIN * SPEAKING_RATE
        changed[replaced] = False
    assert not changed.any(), "something changed where the bot had said nothing"
    assert _files_of_people(folder) == others
    assert sorted(path.name for path in folder.iterdir()) == sorted([BOT_FILE, *others])


async def _recorded_call(stage: Stage, data_dir: Path) -> Path:
    """Ada is recorded, talks, and asks twice. Returns the folder of the recording, while the call is still on."""
    let_manage(stage.sandbox, stage.ada.id)
    await stage.join()
    await stage.answer_to("!record on", starts="🔴 I'm recording.")
    await stage.turns(1)
    await talk(stage.ada, UTTERANCES[0])
    for number, question in enumerate(ANSWERS, 2):
        await stage.ask(question)
        await stage.turns(number)
    await stage.answer_to("!record off", starts="⏹️ I'm not recording.")
    (folder,) = (data_dir / "recordings").iterdir()
    await stage.until((folder / ANSWERS_FILE).exists, "the answers")
    return folder


def _files_of_people(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("Ada-*.wav")}


def _sound(folder: Path) -> NDArray[np.int16]:
    with wave.open(str(folder / BOT_FILE), "rb") as file:
        assert file.getframerate() == SPEAKING_RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").copy()


def _hertz(sound: NDArray[np.int16]) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * SPEAKING_RATE / len(sound))


def _first_voiced(sound: NDArray[np.int16]) -> int:
    return int(np.flatnonzero(np.abs(sound) > 300)[0])
