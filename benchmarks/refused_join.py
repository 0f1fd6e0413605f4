"""Benchmark of refused joins: the CPU time for which a refused ``!join`` holds the bot's event loop during a call.

A guest on the sandbox asks repeatedly for a call that is running already. Model and voice are stand-ins, and nobody
talks. docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import MeasuredCall, StandIns
from benchmarks.statistics import Spread, spread
from bot.voice.manager import ALREADY_IN_CALL
from config.plain_parser import PlainParser
from sandbox.guest import Guest

MAX_MS = 1.0
PAUSE = 0.4
"""Seconds between two requests."""
ANSWER_LIMIT = 10.0
PREFIX = "!"

Window = tuple[float, float]
"""The times of a request and of its answer, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class RefusedJoins:
    """The longest callback of each refusal, in milliseconds. ``name`` is that of the longest of all."""

    count: int
    longest: Spread
    name: str

    @property
    def met(self) -> bool:
        """Whether the target is met: 95 % of the refusals are short enough."""
        return self.longest.p95 < MAX_MS


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    found = await measure(stand_ins_of(run.arguments), run.folder, run.arguments.joins)
    return Report(
        lambda console: _print(found, console),
        [(f"95 % of refused joins hold the loop for less than {MAX_MS:.0f} ms", found.met)],
        {"machine": run.machine, "joins": asdict(found), "met": found.met},
    )


def _print(found: RefusedJoins, console: Console) -> None:
    longest = found.longest
    console.print(
        f"{found.count} refused joins: the longest callback took {longest.median:.2f} ms of CPU time in the median, "
        f"{longest.p95:.2f} ms for 95 %, {longest.greatest:.2f} ms at most ({found.name}).",
        highlight=False,
        soft_wrap=True,
    )


async def measure(stand_ins: StandIns, folder: Path, joins: int) -> RefusedJoins:
    """Have a guest ask ``joins`` times for the call that is running already.

    Raises:
        MeasurementError: the bot ended, did not join, or did not refuse.
    """
    seen = folder / "event_loop.json"
    program = ("-m", "benchmarks.watched_bot", str(seen))
    async with MeasuredCall(stand_ins, "Hello.", folder, program=program) as call:

        async def ask() -> list[Window]:
            guests = await call.join("Ada")
            # The work at the start of the call is over by then.
            await asyncio.sleep(5)
            return [await _refusal(guests[0], call) for _ in range(joins)]

        windows = await call.while_alive(ask())
    return refused_joins(json.loads(seen.read_text(encoding="utf-8"))["noted"], windows)


async def _refusal(guest: Guest, call: MeasuredCall) -> Window:
    await asyncio.sleep(PAUSE)
    channel, answer = call.sandbox.text_channel, ALREADY_IN_CALL.format(prefix=PREFIX)
    began = time.monotonic()
    await guest.say(channel, f"{PREFIX}join")
    try:
        await guest.wait_for_message(channel, lambda message: message.content == answer, ANSWER_LIMIT)
    except TimeoutError as error:
        raise MeasurementError("the bot did not refuse to join") from error
    return began, time.monotonic()


def refused_joins(noted: Sequence[Sequence[Any]], windows: Sequence[Window]) -> RefusedJoins:
    """Compute the figures from a watched bot's callbacks: name, CPU time in seconds, and start of each."""
    longest = [_longest(noted, window) for window in windows]
    return RefusedJoins(len(longest), spread([taken for taken, _ in longest]), max(longest)[1])


def _longest(noted: Sequence[Sequence[Any]], window: Window) -> tuple[float, str]:
    within = ((1000 * taken, name) for name, taken, at in noted if window[0] <= at <= window[1])
    return max(within, default=(0.0, ""))


def _parser() -> PlainParser:
    parser = make_parser("refused_join", __doc__)
    parser.add_argument("--joins", type=count, default=50, help="number of requests")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
