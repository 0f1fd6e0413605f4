"""Timers and reminders under random orders of waiting, clock jumps, restarts and cancels."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.reminders.reminders import JUMP
from tests.bot.reminders.board import ADA, Board, board, looked
from tests.timing import wait_until


@dataclass(frozen=True)
class Step:
    """One thing that happens. ``seconds`` is the time that passes, the jump of the clock, or the time until a timer or
    reminder is due. Other steps do not use it.
    """

    what: str
    seconds: float


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["timer", "reminder", "wait", "wait", "set the clock", "restart", "come", "go", "cancel"]),
        st.integers(-5_000, 5_000).map(float),
    ),
    max_size=14,
)


@dataclass
class Promise:
    """A timer or reminder of Ada's, which is due at ``at``: a timer in elapsed seconds, a reminder by the clock."""

    number: int
    text: str
    timer: bool
    at: float
    told: bool = False


async def play(stage: Board, steps: list[Step]) -> None:
    promises: list[Promise] = []
    running = asyncio.create_task(stage.reminders.run())

    async def settle() -> None:
        """Let the reminders tell all that is due, and check that it was due and that nothing was told twice."""
        await looked(stage)
        await wait_until(lambda: not stage.reminders._telling)
        told = [*stage.said, *(text for _, text in stage.pinged)]
        for promise in promises:
            count = sum(promise.text in text for text in told)
            assert count <= 1, f"{promise} was told {count} times"
            due = (stage.elapsed if promise.timer else stage.now) >= promise.at
            if promise.told:
                continue
            assert bool(count) is due, f"{promise} at {stage.elapsed}, {stage.now}: told {count} times"
            promise.told = bool(count)

    for number, step in enumerate(steps):
        match step.what:
            case "timer" | "reminder":
                # Between two words, no number is found in a longer one: "no1no" is not in "no11no".
                after, text = abs(step.seconds) + 1.0, f"no{number}no"
                make = stage.timer if step.what == "timer" else stage.reminder
                made = await make(after, text)
                clock = stage.elapsed if step.what == "timer" else stage.now
                promises.append(Promise(made.id, text, step.what == "timer", clock + after))
            case "wait":
                stage.pass_by(abs(step.seconds))
            case "set the clock":
                # A step of up to JUMP counts as no change. So the clock is set by more than twice that, or not at all.
                stage.now += step.seconds if abs(step.seconds) > 2 * JUMP else 0.0
            case "restart":
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                stage.start()
                running = asyncio.create_task(stage.reminders.run())
            case "come":
                stage.in_call.add(ADA)
            case "go":
                stage.in_call.discard(ADA)
            case "cancel":
                waiting = [each for each in promises if not each.told]
                if waiting:
                    promises.remove(waiting[0])
                    assert await stage.reminders.cancel(ADA, waiting[0].number)
        await settle()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_everything_is_told_once_when_it_is_due_and_nothing_is_lost(steps: list[Step]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with board(Path(folder)) as stage:
                await play(stage, steps)

    asyncio.run(run())
