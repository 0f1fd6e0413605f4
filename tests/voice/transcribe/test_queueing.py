"""Tests of the queue of transcription requests: the order, and which are dropped."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bot.voice.transcribe.transcriber import (
    MAX_WAITING,
    Transcript,
    TranscriptionJob,
    TranscriptionQueue,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)

SOUND = np.zeros(160, np.float32)


def job(urgency: Urgency) -> TranscriptionJob:
    return TranscriptionJob(TranscriptionRequest(SOUND, urgency), asyncio.get_running_loop().create_future(), 0.0)


async def test_final_turns_go_first_and_in_order() -> None:
    queue = TranscriptionQueue()
    interim, first, second = job(Urgency.INTERIM), job(Urgency.FINAL), job(Urgency.FINAL)
    for each in (interim, first, second):
        queue.add(each)
    assert [await queue.next() for _ in range(3)] == [first, second, interim]


async def test_the_oldest_of_the_least_urgent_is_dropped() -> None:
    queue = TranscriptionQueue()
    jobs = [job(Urgency.SPECULATION) for _ in range(MAX_WAITING)]
    for each in jobs:
        queue.add(each)
    queue.add(job(Urgency.SPECULATION))
    with pytest.raises(TranscriptionShed):
        await jobs[0].answer
    interim = job(Urgency.INTERIM)
    queue.add(interim)
    with pytest.raises(TranscriptionShed):
        await interim.answer
    assert not any(each.answer.done() for each in jobs[1:])


async def test_final_turns_are_never_dropped() -> None:
    queue = TranscriptionQueue()
    jobs = [job(Urgency.FINAL) for _ in range(5 * MAX_WAITING)]
    for each in jobs:
        queue.add(each)
    assert [await queue.next() for _ in jobs] == jobs


async def test_a_cancelled_job_is_not_returned() -> None:
    queue = TranscriptionQueue()
    cancelled, wanted = job(Urgency.FINAL), job(Urgency.INTERIM)
    queue.add(cancelled)
    queue.add(wanted)
    cancelled.answer.cancel()
    assert await queue.next() is wanted


async def test_a_new_job_is_returned_to_whoever_waits_for_one() -> None:
    queue = TranscriptionQueue()
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    late = job(Urgency.FINAL)
    queue.add(late)
    late.answer.add_done_callback(lambda answer: answer.exception())
    assert await waiting is late
    late.answer.set_result(Transcript("x"))


async def test_an_only_if_idle_request_is_dropped_if_the_transcriber_has_anything_else_to_do() -> None:
    queue = TranscriptionQueue()
    first, second = job(Urgency.ONLY_IF_IDLE), job(Urgency.ONLY_IF_IDLE)
    queue.add(first)
    assert await queue.next() is first
    queue.add(second)
    with pytest.raises(TranscriptionShed):
        await second.answer
    first.answer.set_result(Transcript("Done."))
    third = job(Urgency.ONLY_IF_IDLE)
    queue.add(third)
    assert await queue.next() is third
