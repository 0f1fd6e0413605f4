"""Tests of noises (coughs, keyboards, music, a fan): the bot tells its story to the end."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.voice.turn import Outcome
from sandbox.speech_sounds import cough, keyboard, music, noise
from sandbox.voice.microphone import OpenMicrophone
from sandbox.voice.opus import Sound
from tests.e2e.barging_in import same_words, story_or_answer, tell_story
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import Since, bot_speaks, join_people, stretches

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COUGHS = [cough(seed) for seed in range(8)]
ROOMS = [keyboard(3.0, 1), keyboard(3.0, 2), music(3.0, 1), music(3.0, 2), noise(3.0, 1, level=0.03)]


@pytest.mark.parametrize(
    ("sounds", "may_pause"), [pytest.param(COUGHS, True, id="coughs"), pytest.param(ROOMS, False, id="rooms")]
)
async def test_no_word_of_a_reply_is_lost_or_said_twice(
    make_stage: StageMaker, speech_server: str, sounds: list[Sound], may_pause: bool
) -> None:
    rng = random.Random(6)
    async with (
        ScriptedModel(story_or_answer) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage,
    ):
        await stage.join()
        (ben,) = await join_people(stage, "Ben")
        receiver, since = stage.ada.voice.receiver, Since(stage)
        undisturbed = await tell_story(stage)

        async def disturb(sound: Sound) -> None:
            await bot_speaks(stage, stage.ada, after=rng.uniform(0.1, 1.5))
            await ben.voice.speak(sound, OpenMicrophone(before=0.1, after=0.3))

        for sound in sounds:
            begin = receiver.count(stage.bot)
            disturbing = asyncio.create_task(disturb(sound))
            assert same_words(undisturbed, await tell_story(stage))
            await disturbing
            assert may_pause or len(stretches(receiver.packets(stage.bot)[begin:])) == 1, "the reply must not pause"
        assert all(trace.outcome is Outcome.SPOKEN for trace in stage.traces)
        assert since.utterances == []
