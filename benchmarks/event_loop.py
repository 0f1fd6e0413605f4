"""Benchmark of the bot's event loop: the CPU time of its callbacks while three people talk to it and to each other.

The people are simulated guests on the sandbox, which is a local copy of Discord. They may interrupt the bot. The toy
Whisper transcribes in a child process, as the real one does. Model and voice are stand-ins with known delays.
docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.command_line import Report, Run, add_stand_ins, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import MeasuredCall, StandIns
from config.plain_parser import PlainParser
from config.tasks import end_tasks
from sandbox.guest import Guest
from sandbox.speech import GUEST_VOICES, SpeechError, speech
from sandbox.voice.microphone import VoiceActivity

PEOPLE = ("Ada", "Ben", "Cleo")
SENTENCES = (
    "Hello Seiyuu, how are you?",
    "Seiyuu, tell me a joke.",
    "I had pizza for lunch.",
    "The train was late again.",
    "We should order some food.",
)
REPLY = "Well, that is a good question, and I am glad you asked. There are many ways to look at it."
PAUSES = (0.3, 4.0)
"""Range of the time between two sentences of one person, in seconds."""
TARGET_MS = 5.0
"""Milliseconds of CPU time. At least :data:`TARGET_QUANTILE` of the callbacks should take no longer."""
TARGET_QUANTILE = 0.999
MAX_LISTED = 8
"""Number of the longest callbacks that are listed with their names."""


@dataclass(frozen=True, slots=True)
class LoopTimes:
    """The CPU times of the callbacks in one run, in milliseconds.

    Attributes:
        callbacks: number of callbacks.
        utterances: number of utterances that the bot heard.
        seconds: length of the conversation, in seconds.
        p999: the time that 99.9 % of the callbacks did not exceed.
        long: the names and times of the longest callbacks.
    """

    callbacks: int
    utterances: int
    seconds: float
    median: float
    p999: float
    greatest: float
    total: float
    long: tuple[tuple[str, float], ...]

    @property
    def met(self) -> bool:
        """Whether the target is met: 99.9 % of the callbacks are short enough."""
        return self.p999 <= TARGET_MS


def main() -> int:
    """Run the measurement. The exit status is 0 if it worked, even if the target was missed."""
    return run(_parser(), _run, SpeechError)


async def _run(run: Run) -> Report:
    with Progress(console=run.console, transient=True) as progress:
        stand_ins = stand_ins_of(run.arguments)
        times = await measure(stand_ins, run.folder, run.arguments.seconds, run.arguments.seed, progress)
    return Report(
        lambda console: _print(times, run.machine, console),
        [(f"99.9 % of the loop's callbacks take at most {TARGET_MS:.0f} ms", times.met)],
        {"machine": run.machine, "times": asdict(times), "met": times.met},
    )


async def measure(stand_ins: StandIns, folder: Path, seconds: float, seed: int, progress: Progress) -> LoopTimes:
    """Let three people talk to the bot for this many seconds.

    Raises:
        MeasurementError: the bot ended, did not join, or heard nobody.
        SpeechError: the guests can't speak.
    """
    times_file = folder / "event_loop.json"
    program = ("-m", "benchmarks.watched_bot", str(times_file))
    settings = {"ANSWER_TO": "always", "BARGE_IN": "everyone"}
    bar = progress.add_task("the bot starts", total=None)
    async with MeasuredCall(stand_ins, REPLY, folder, settings, program) as call:

        async def talk() -> None:
            guests = await call.join(*PEOPLE)
            talking = [asyncio.ensure_future(_talk(guest, random.Random(seed + n))) for n, guest in enumerate(guests)]
            try:
                for second in range(round(seconds)):
                    await asyncio.sleep(1)
                    progress.update(bar, completed=second, total=seconds, description="three people talk")
            finally:
                await end_tasks(*talking)

        await call.while_alive(talk())
    if call.utterances == 0:
        raise MeasurementError("the bot heard nobody")
    return loop_times(json.loads(times_file.read_text(encoding="utf-8")), call.utterances, seconds)


async def _talk(guest: Guest, rng: random.Random) -> None:
    words = [await asyncio.to_thread(speech, sentence, GUEST_VOICES[guest.user.name]) for sentence in SENTENCES]
    while True:
        await asyncio.sleep(rng.uniform(*PAUSES))
        await guest.voice.speak(rng.choice(words), VoiceActivity())


def loop_times(measured: Mapping[str, Any], utterances: int, seconds: float) -> LoopTimes:
    """Compute the figures from the JSON that ``benchmarks.watched_bot`` writes. It must list at least one callback."""
    counted = [(microseconds / 1000, count) for microseconds, count in measured["microseconds"]]
    count = sum(count for _, count in counted)
    longest = sorted(measured["noted"], key=lambda noted: noted[1], reverse=True)
    return LoopTimes(
        callbacks=count,
        utterances=utterances,
        seconds=seconds,
        median=_time_at_rank(counted, 0.5 * count),
        p999=_time_at_rank(counted, TARGET_QUANTILE * count),
        greatest=counted[-1][0],
        total=sum(time * times for time, times in counted),
        long=tuple((name, 1000 * taken) for name, taken, _ in longest[:MAX_LISTED]),
    )


def _time_at_rank(counted: list[tuple[float, int]], rank: float) -> float:
    """The time of the callback with this rank, counted from the shortest.

    ``counted`` has each time with its number of callbacks, the shortest time first.
    """
    ranks = list(accumulate(count for _, count in counted))
    return counted[bisect_left(ranks, rank)][0]


def _print(times: LoopTimes, machine: Mapping[str, str], console: Console) -> None:
    table = Table(
        title=f"The bot's event loop, CPU time in ms · {machine['processor']}, {machine['cores']} cores, "
        f"revision {machine['revision']}"
    )
    for column in ("callbacks", "utterances heard", "median", "p99.9", "longest", "share of a core"):
        table.add_column(column, justify="right")
    figures = (f"{times.median:.3f}", f"{times.p999:.2f}", f"{times.greatest:.1f}")
    share = f"{times.total / times.seconds / 10:.0f} %"
    table.add_row(str(times.callbacks), str(times.utterances), *figures, share)
    console.print(table)
    console.print("The longest:", *(f"  {taken:6.1f}  {name}" for name, taken in times.long), sep="\n", highlight=False)


def _parser() -> PlainParser:
    parser = make_parser("event_loop", __doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds of conversation")
    add_stand_ins(parser)
    parser.add_argument("--seed", type=int, default=1, help="seed of the choice of sentences and pauses")
    return parser


if __name__ == "__main__":
    sys.exit(main())
