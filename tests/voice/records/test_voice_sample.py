"""Voice samples: some seconds of a person's speech, or the reason why there is no sample."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from bot.voice.records.voice_sample import MAX_REST, PAUSE_SECONDS, SampleError, VoiceSample
from tests.timing import Clock

ADA = 1


def sound(seconds: float, level: float = 0.1) -> Sound16:
    return np.full(round(seconds * HEARING_RATE), level, np.float32)


async def test_a_sample_begins_with_the_first_sound_and_ends_by_itself() -> None:
    sample = VoiceSample(ADA, seconds=0.2, timeout=30.0)
    waiting = asyncio.create_task(sample.whole())
    await asyncio.to_thread(sample.heard, sound(0.5), 100.0)
    heard = await waiting
    assert len(heard) == round(0.2 * HEARING_RATE), "no more than was agreed"
    assert heard.min() == heard.max() == np.float32(0.1)


async def test_the_pause_in_which_a_microphone_was_closed_is_kept() -> None:
    sample = VoiceSample(ADA, seconds=0.2)
    waiting = asyncio.create_task(sample.whole())
    # Packets that arrive unevenly make no pause, but a longer time without packets does.
    for at, part in ((100.0, sound(0.02)), (100.1, sound(0.02)), (100.1, sound(0.02)), (100.18, sound(0.02))):
        sample.heard(part, at)
    assert np.count_nonzero(await waiting == 0) == 0
    sample = VoiceSample(ADA, seconds=0.2)
    waiting = asyncio.create_task(sample.whole())
    sample.heard(sound(0.02), 100.0)
    sample.heard(sound(0.02), 100.16)
    heard = await waiting
    assert np.count_nonzero(heard == 0) / HEARING_RATE == pytest.approx(0.14)


async def test_silence_during_a_sample_is_reported_to_the_person() -> None:
    with pytest.raises(SampleError, match="I heard nothing"):
        await VoiceSample(ADA, timeout=0.01).whole()


async def test_a_sample_that_is_dropped_ends_at_once_with_the_reason_and_keeps_nothing() -> None:
    for speaking in (False, True):
        sample = VoiceSample(ADA, seconds=60.0, timeout=60.0)
        waiting = asyncio.create_task(sample.whole())
        if speaking:
            sample.heard(sound(1.0), 100.0)
        await asyncio.sleep(0)
        sample.drop("They no longer want it.")
        sample.drop("Once is enough.")
        sample.heard(sound(1.0), 101.0)
        async with asyncio.timeout(30):
            with pytest.raises(SampleError, match="They no longer want it"):
                await waiting
        assert sample._parts == []


async def test_somebody_who_reads_on_after_a_sample_is_heard_again_after_their_first_pause() -> None:
    clock = Clock(100.0)
    sample = VoiceSample(ADA, seconds=0.01, clock=clock)
    waiting = asyncio.create_task(sample.whole())
    await hear(sample, sound(0.02), clock())
    await waiting
    # The person reads on for three seconds, and then only their room is heard.
    for _ in range(150):
        clock.pass_by(0.02)
        await hear(sample, sound(0.02), clock())
        assert sample.until_pause() == pytest.approx(PAUSE_SECONDS)
    for _ in range(round(PAUSE_SECONDS / 0.02)):
        assert sample.until_pause() > 0
        clock.pass_by(0.02)
        await hear(sample, sound(0.02, level=0.005), clock())
    assert sample.until_pause() == pytest.approx(0)


async def test_somebody_who_never_pauses_is_heard_again_after_a_while() -> None:
    clock = Clock(100.0)
    sample = VoiceSample(ADA, seconds=0.01, clock=clock)
    waiting = asyncio.create_task(sample.whole())
    await hear(sample, sound(0.02), clock())
    await waiting
    clock.pass_by(MAX_REST)
    await hear(sample, sound(0.02), clock())
    assert sample.until_pause() == pytest.approx(0)


async def hear(sample: VoiceSample, heard: Sound16, at: float) -> None:
    """Give the sample this sound, and let it process the sound."""
    sample.heard(heard, at)
    await asyncio.sleep(0)
