"""Tests of interruptions: words stop the bot immediately, a cough only pauses it for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.speech_sounds import cough
from sandbox.voice.microphone import OpenMicrophone
from tests.e2e.barging_in import BARGE_IN_LIMIT, STORY, interrupt, same_words, story_or_answer, tell_story
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, bot_speaks, join_people, stretches, talk, voiced


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(story_or_answer) as model:
        yield model


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage:
        await stage.join()
        yield stage


async def test_words_silence_the_bot_within_200_ms_and_the_old_reply_is_never_heard_again(
    stage: Stage, model: ScriptedModel
) -> None:
    (ben,) = await join_people(stage, "Ben")
    for utterance, after in zip(UTTERANCES, (0.3, 0.9, 1.6), strict=False):
        await voiced("Ben", utterance)
        assert await silenced(stage, model, ben, utterance, after) < BARGE_IN_LIMIT


async def silenced(stage: Stage, model: ScriptedModel, guest: Guest, utterance: str, after: float) -> float:
    """A guest interrupts the story ``after`` seconds after its beginning. Returns the seconds until it is silent."""
    await stage.ask("A story!")
    await bot_speaks(stage, stage.ada, after=after)
    interruption = await interrupt(stage, guest, utterance)
    assert interruption.silent_after is not None
    assert len(interruption.heard) < len(STORY) / 2
    assert any(line["content"] == f"{interruption.heard}—" for line in model.asked[-1])
    return interruption.silent_after


async def test_a_cough_and_the_mhm_of_a_listener_cost_the_reply_no_word(stage: Stage) -> None:
    (ben,) = await join_people(stage, "Ben")
    await voiced("Ben", "Mhm.")
    undisturbed = await tell_story(stage)
    since, begin = Since(stage), stage.ada.voice.receiver.count(stage.bot)
    disturbing = asyncio.create_task(disturb(stage, ben))
    disturbed = await tell_story(stage)
    await disturbing
    assert [trace.outcome for trace in stage.traces] == [Outcome.SPOKEN] * 2
    assert len(stretches(stage.ada.voice.receiver.packets(stage.bot)[begin:])) > 1, "the bot did not pause at all"
    assert same_words(undisturbed, disturbed), "a word is missing, or said twice"
    assert since.prompts == [("Ada", "A story!")]


async def disturb(stage: Stage, guest: Guest) -> None:
    """Cough and agree while the bot speaks."""
    await bot_speaks(stage, stage.ada, after=0.8)
    await guest.voice.speak(cough(1), OpenMicrophone(before=0.1, after=0.3))
    await asyncio.sleep(0.5)
    await talk(guest, "Mhm.")
