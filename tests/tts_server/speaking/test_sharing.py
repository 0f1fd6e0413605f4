"""Two clients of one engine: a long segment is divided if the other client would run out of sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from audio.samples import Samples
from tests.tts_server.spelling_engine import SECONDS_A_CHARACTER, SpellingEngine, words_heard
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_synthesizer import ReplySynthesizer
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

LONG = " ".join(f"w{number}" for number in range(1, 31)) + "."
WORK_A_CHARACTER = 0.4 * SECONDS_A_CHARACTER
"""Seconds that an engine with a real-time factor of 0.4 needs for a character."""
PLAIN = SpeechParameters(preprocess_text=False)


@pytest.fixture
def engine() -> SpellingEngine:
    return SpellingEngine("engine")


@pytest.fixture
async def pool(engine: SpellingEngine) -> AsyncIterator[EnginePool]:
    pool = EnginePool([engine])
    for worker in pool.workers:
        worker.pace.record("x" * 100, 100 * SECONDS_A_CHARACTER, 100 * WORK_A_CHARACTER)
    yield pool
    await pool.close()


async def all_of(reply: ReplySynthesizer, text: str) -> list[Samples]:
    return [piece async for piece in reply.synthesize(text)]


async def test_a_clause_stays_whole_if_nobody_else_listens(pool: EnginePool, engine: SpellingEngine) -> None:
    with pool.reply(PLAIN) as reply:
        await all_of(reply, LONG)
    assert engine.texts == [LONG]


async def test_a_clause_is_spoken_in_portions_that_the_other_listener_can_wait_for(
    pool: EnginePool, engine: SpellingEngine
) -> None:
    with pool.reply(PLAIN) as reply, pool.reply(PLAIN) as other:
        other.deadline = time.monotonic() + 1.0
        sound = await all_of(reply, LONG)
    assert " ".join(engine.texts) == LONG
    assert len(engine.texts) > 1
    assert len(engine.texts[0]) * WORK_A_CHARACTER <= 1.0
    heard = [word for piece in sound for word in words_heard(piece)]
    assert list(dict.fromkeys(heard)) == list(range(1, 31))


async def test_the_listener_who_runs_out_of_sound_first_is_served_first(
    pool: EnginePool, engine: SpellingEngine
) -> None:
    with pool.reply(PLAIN) as first, pool.reply(PLAIN) as patient, pool.reply(PLAIN) as urgent:
        now = time.monotonic()
        patient.deadline, urgent.deadline = now + 60, now + 30
        engine.begins.clear()
        async with asyncio.TaskGroup() as tasks:
            for reply, text in ((first, "w1 w2."), (patient, "w3 w4."), (urgent, "w5 w6.")):
                tasks.create_task(all_of(reply, text))
                await asyncio.sleep(0)
            # All three are in the queue.
            engine.begins.set()
    assert engine.texts == ["w1 w2.", "w5 w6.", "w3 w4."]


async def test_sent_sound_moves_the_deadline_by_its_length(pool: EnginePool) -> None:
    with pool.reply(PLAIN) as reply:
        before = time.monotonic()
        seconds = sum(len(piece) for piece in await all_of(reply, "w1 w2.")) / SAMPLE_RATE
        assert before + seconds <= reply.deadline <= time.monotonic() + seconds
