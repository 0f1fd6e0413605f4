"""Tests of the deadline queue: the order in which replies get their turns, also when clients that wait give up."""

from __future__ import annotations

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from tts_server.speaking.engine_worker import DeadlineQueue


async def waiting(queue: DeadlineQueue, due: float, served: list[float]) -> None:
    await queue.enter(due)
    served.append(due)
    queue.leave()


async def test_the_reply_whose_listener_runs_out_of_sound_first_comes_first() -> None:
    queue, served = DeadlineQueue(1), list[float]()
    assert await queue.enter(0.0) == math.inf
    tasks = [asyncio.create_task(waiting(queue, due, served)) for due in (5.0, 3.0, 4.0, 3.0)]
    await asyncio.sleep(0)
    queue.leave()
    await asyncio.gather(*tasks)
    assert served == [3.0, 3.0, 4.0, 5.0]


async def test_enter_returns_the_time_at_which_the_first_waiting_reply_is_due() -> None:
    queue = DeadlineQueue(1)
    await queue.enter(0.0)
    tasks = [asyncio.create_task(queue.enter(due)) for due in (5.0, 7.0)]
    await asyncio.sleep(0)
    queue.leave()
    assert await tasks[0] == 7.0
    tasks[1].cancel()


@given(st.lists(st.sampled_from(["enter", "give up", "leave"]), max_size=60), st.integers(1, 3))
def test_no_turn_is_lost_or_given_twice(steps: list[str], places: int) -> None:
    async def play() -> None:
        queue, tasks, inside = DeadlineQueue(places), list[asyncio.Task[float]](), 0
        for number, step in enumerate(steps):
            if step == "enter":
                tasks.append(asyncio.create_task(queue.enter(float(number % 5))))
            elif step == "give up" and tasks:
                # This may hit a task whose turn has been granted but which has not run yet.
                tasks[number % len(tasks)].cancel()
            elif step == "leave" and any(task.done() and not task.cancelled() for task in tasks):
                tasks.remove(next(task for task in tasks if task.done() and not task.cancelled()))
                queue.leave()
            if number % 2:
                await asyncio.sleep(0)
            inside = sum(task.done() and not task.cancelled() for task in tasks)
            assert inside <= places
        for _ in range(3):
            await asyncio.sleep(0)
        tasks = [task for task in tasks if not task.cancelled()]
        inside = sum(task.done() for task in tasks)
        assert inside == min(places, len(tasks))
        for task in tasks:
            task.cancel()

    asyncio.run(play())
