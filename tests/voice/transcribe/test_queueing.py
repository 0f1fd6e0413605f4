"""Tests of the queue of transcription requests: which go first, and which are dropped."""

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


def job(urgency: Urgency, call: str = "") -> TranscriptionJob:
    request = TranscriptionRequest(SOUND, urgency, call=call)
    return TranscriptionJob(request, asyncio.get_running_loop().create_future(), 0.0)


async def test_final_turns_go_first_and_in_order() -> None:
    queue = TranscriptionQueue()
    interim, first, second = job(Urgency.INTERIM), job(Urgency.FINAL), job(Urgency.FINAL)
    for each in (interim, first, second):
        queue.add(each)
    assert [await queue.next() for _ in range(3)] == [first, second, interim]


async def test_the_oldest_of_the_least_urgent_requests_is_dropped() -> None:
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


async def test_calls_are_served_in_turn_however_much_is_said_in_one() -> None:
    queue = TranscriptionQueue()
    loud = [job(Urgency.FINAL, "loud") for _ in range(4)]
    for each in loud:
        queue.add(each)
    assert await queue.next() is loud[0]
    quiet, third = job(Urgency.FINAL, "quiet"), job(Urgency.FINAL, "third")
    queue.add(quiet)
    queue.add(third)
    assert [await queue.next() for _ in range(5)] == [quiet, third, *loud[1:]]


async def test_urgent_requests_of_one_call_go_before_less_urgent_ones_of_another() -> None:
    queue = TranscriptionQueue()
    guess, final = job(Urgency.SPECULATION, "quiet"), job(Urgency.FINAL, "loud")
    queue.add(job(Urgency.FINAL, "loud"))
    await queue.next()
    queue.add(guess)
    queue.add(final)
    assert [await queue.next() for _ in range(2)] == [final, guess]


async def test_a_call_with_too_many_requests_loses_its_own_and_none_of_another_call() -> None:
    queue = TranscriptionQueue()
    quiet = job(Urgency.INTERIM, "quiet")
    queue.add(quiet)
    loud = [job(Urgency.SPECULATION, "loud") for _ in range(MAX_WAITING + 1)]
    for each in loud:
        queue.add(each)
    with pytest.raises(TranscriptionShed):
        await loud[0].answer
    assert not quiet.answer.done()
    assert not any(each.answer.done() for each in loud[1:])
