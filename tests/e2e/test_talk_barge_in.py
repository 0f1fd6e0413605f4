"""Who talks while the bot does: words silence it at once and for good, a cough only for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.voice.reply import Outcome
from sandbox.guest import Guest
from sandbox.speech_sounds import cough
from sandbox.voice.hearing import Sound
from sandbox.voice.microphone import OpenMicrophone
from tests.e2e.barging_in import BARGE_IN_LIMIT, STORY, interrupt, story_or_answer
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import REMARKS, Since, bot_speaks, join_people, stretches, talk


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(story_or_answer) as model:
        yield model


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage:
        await stage.join()
        yield stage


async def test_words_silence_the_bot_within_200_ms_and_nothing_of_the_old_reply_is_heard_again(
    stage: Stage, model: ScriptedModel
) -> None:
    (ben,) = await join_people(stage, "Ben")
    for remark, after in zip(REMARKS, (0.3, 0.9, 1.6), strict=False):
        await stage.ask("A story!")
        await bot_speaks(stage, stage.ada, after=after)
        interruption = await interrupt(stage, ben, remark)
        assert 0 < interruption.silent_after < BARGE_IN_LIMIT
        assert len(interruption.heard) < len(STORY) / 2
        assert any(line["content"] == f"{interruption.heard}—" for line in model.asked[-1])


async def test_a_cough_and_a_listeners_mhm_cost_the_reply_no_word(stage: Stage) -> None:
    (ben,) = await join_people(stage, "Ben")
    undisturbed = await heard_story(stage)
    since, begin = Since(stage), stage.ada.voice.hearing.count(stage.bot)
    disturbing = asyncio.create_task(disturb(stage, ben))
    disturbed = await heard_story(stage)
    await disturbing
    assert [trace.outcome for trace in stage.traces] == [Outcome.SPOKEN] * 2
    assert len(stretches(stage.ada.voice.hearing.packets(stage.bot)[begin:])) > 1, "the mhm did not even make it pause"
    assert len(disturbed) == len(undisturbed)
    assert np.corrcoef(loudness(undisturbed), loudness(disturbed))[0, 1] > 0.98, "a word is missing, or said twice"
    assert since.prompts == [("Ada", "A story!")]


async def disturb(stage: Stage, guest: Guest) -> None:
    """Cough and agree while the bot speaks."""
    await bot_speaks(stage, stage.ada, after=0.8)
    await guest.voice.speak(cough(1), OpenMicrophone(before=0.1, after=0.3))
    await asyncio.sleep(0.5)
    await talk(guest, "Mhm.")


async def heard_story(stage: Stage) -> Sound:
    """Ask for the story and return what Ada hears of it."""
    count, begin = len(stage.traces), stage.ada.voice.hearing.count(stage.bot)
    await stage.ask("A story!")
    await stage.turns(count + 1)
    await stage.ada.voice.hearing.wait_for_silence(stage.bot, 0.1, timeout=5)
    return stage.ada.voice.hearing.pcm(stage.bot, since=begin)


def loudness(sound: Sound) -> Sound:
    """RMS of each 20 ms."""
    level: Sound = np.sqrt(np.mean(np.square(sound.reshape(-1, 960)), axis=1))
    return level
