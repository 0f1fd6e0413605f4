"""Tests of a hundred interruptions at random moments: each stops the reply, and nothing of it is played later."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.e2e.barging_in import BARGE_IN_LIMIT, interrupt, story_or_answer
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import UTTERANCES, join_people

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]

TIMES = 100


async def test_a_cancelled_reply_is_never_heard_again(make_stage: StageMaker, speech_server: str) -> None:
    rng = random.Random(4)
    async with (
        ScriptedModel(story_or_answer) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage,
    ):
        await stage.join()
        (ben,) = await join_people(stage, "Ben")
        waits = []
        for number in range(TIMES):
            await stage.ask("A story!")
            await asyncio.sleep(rng.uniform(0.03, 3.0))
            interruption = await interrupt(stage, ben, UTTERANCES[number % len(UTTERANCES)])
            waits.append(interruption.silent_after or 0.0)
        # Speech that begins within the reply's first syllable may be its echo. To rule this out takes a moment longer,
        # so the slowest interruptions are not counted.
        assert sorted(waits)[round(0.95 * TIMES)] < BARGE_IN_LIMIT, sorted(waits)[-10:]
