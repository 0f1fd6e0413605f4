"""Benchmark of several calls at once: late packets and first packets of each call, and what the bot needs for them.

For each number of calls, one real bot with stand-in engines holds that many calls over ``/ws/chat``, in which people
talk all the time. Late packets are compared with those of a bare clock in the same run. The bot's CPU time and memory
are those of its own process: the engines are stand-ins and run elsewhere.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.bare_clock_control import BareClockControl
from benchmarks.browser.turns import TRANSCRIPTION, spoken_line
from benchmarks.command_line import Report, Run, count, make_parser, rate, run
from benchmarks.many_calls_client import CallFigures, talk
from benchmarks.measured_call import StandIns, no_collections, tokens_of
from benchmarks.stand_in_model import StandInModel
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.statistics import Lateness, lateness, spread
from benchmarks.talking_bot import talking_bot
from benchmarks.turn_measurement import HEARD
from config.plain_parser import PlainParser
from sandbox.voice.opus import Sound

REPLY = "Well, that is a good question. I have thought about it for a while. My answer is that it depends on the day."
STAND_INS = StandIns(first_token=0.15, rate=40.0, first_audio=0.02, real_time_factor=0.02)
"""The voice is quick, so that it does not limit the calls: it speaks one clause at a time, for all of them in turn."""
LINE = "memory"
"""The name of the recorded line that is said in each turn."""
CALLS = (1, 2, 4, 8)
MAX_MORE_PERCENT = 0.1
"""The share of late packets in all calls may be greater than the bare clock's by this many percentage points."""
CLOCK_STREAM = 250
"""The bare clock's packets are judged in streams of this many packets, about as long as an answer. Lateness counts
from the first packet of a stream, so in longer streams a clock that drifts would have more late packets.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured with some calls at once.

    Attributes:
        calls: the figures of each call.
        clock: the lateness of the bare clock meanwhile.
        cpu: CPU seconds of the bot's process in each second.
        machine_cpu: busy CPU seconds of the whole machine in each second.
        memory: memory of the bot's process when the first of the calls ends, in bytes.
    """

    calls: Sequence[CallFigures]
    clock: Lateness
    cpu: float
    machine_cpu: float
    memory: int

    @property
    def lateness(self) -> Lateness:
        """The lateness of the packets of all calls."""
        return lateness([stream for call in self.calls for stream in call.streams])

    @property
    def worst_percent(self) -> float:
        """The share of late packets in the call that has the most, in percent."""
        return max(lateness(call.streams).percent for call in self.calls)

    @property
    def first_packets(self) -> list[float]:
        """Milliseconds from the end of the words to the first packet, for each turn of all calls."""
        return [value for call in self.calls for value in call.first_packets]


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=110)


async def _run(run: Run) -> Report:
    arguments, words = run.arguments, await asyncio.to_thread(spoken_line, LINE)
    stand_ins = replace(STAND_INS, real_time_factor=arguments.rtf)
    measured: dict[int, Measured] = {}
    for calls in arguments.calls:
        folder = run.folder / f"calls-{calls}"
        await asyncio.to_thread(folder.mkdir)
        with run.console.status(f"{calls} at once"):
            measured[calls] = await measure(folder, words, calls, arguments.turns, stand_ins)
    figures = {"machine": run.machine, "turns": arguments.turns, "rtf": arguments.rtf, "calls": as_figures(measured)}
    return Report(lambda console: _show(measured, console), verdicts(measured), figures)


async def measure(folder: Path, words: Sound, calls: int, turns: int, stand_ins: StandIns) -> Measured:
    """Hold ``calls`` calls at once, with ``turns`` turns in each.

    Args:
        folder: data and log of the bot.
        words: what is said, 48,000 Hz.
        stand_ins: the speed of the engines.

    Raises:
        MeasurementError: the bot ended, refused a call, or gave no sound.
    """
    async with (
        StandInModel(tokens_of(REPLY), first_token=stand_ins.first_token, rate=stand_ins.rate) as model,
        StandInTranscriber(HEARD, seconds=TRANSCRIPTION) as transcriber,
        talking_bot(folder, stand_ins, _settings(model.url, transcriber.url, calls)) as bot,
        BareClockControl() as clock,
        aiohttp.ClientSession() as session,
    ):
        process = psutil.Process(bot.pid)
        clock.begin()
        began, cpu_before, machine_before = time.monotonic(), _cpu_of(process), _machine_cpu()
        with no_collections():
            async with asyncio.TaskGroup() as tasks:
                talking = [tasks.create_task(talk(session, bot.url, number, words, turns)) for number in range(calls)]
                peak = tasks.create_task(_memory_at_the_end(process, talking))
        seconds = time.monotonic() - began
        cpu, machine_cpu = _cpu_of(process) - cpu_before, _machine_cpu() - machine_before
        read = clock.read_stream()
    streams = [read[at : at + CLOCK_STREAM] for at in range(0, len(read), CLOCK_STREAM)]
    figures = [task.result() for task in talking]
    return Measured(figures, lateness(streams), cpu / seconds, machine_cpu / seconds, peak.result())


def _settings(model: str, transcriber: str, calls: int) -> dict[str, str]:
    return {"LLM_URL": model, "STT_URL": transcriber, "MAX_CALLS": str(calls), "MEMORY": "off"}


async def _memory_at_the_end(process: psutil.Process, talking: Sequence[asyncio.Task[CallFigures]]) -> int:
    """The memory of the bot at the moment at which the first of the calls ends, and the others are still on."""
    await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
    return int(process.memory_info().rss)


def _cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _machine_cpu() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def verdicts(measured: dict[int, Measured]) -> list[tuple[str, bool]]:
    """For each number of calls, whether packets are late hardly more often than those of the bare clock."""
    found = []
    for calls, one in measured.items():
        more = one.lateness.percent - one.clock.percent
        text = f"{calls} at once: {more:+.2f} points of late packets above the bare clock; at most {MAX_MORE_PERCENT}"
        found.append((text, more <= MAX_MORE_PERCENT))
    return found


def as_figures(measured: dict[int, Measured]) -> dict[str, Any]:
    """The figures for ``--json``, by the number of calls."""
    return {
        str(calls): {
            "packets": one.lateness.packets,
            "late_percent": one.lateness.percent,
            "worst_call_late_percent": one.worst_percent,
            "clock_late_percent": one.clock.percent,
            "holes": one.lateness.holes,
            "longest_gap_ms": 1000 * one.lateness.longest_gap,
            "first_packet_ms": [[round(value, 1) for value in call.first_packets] for call in one.calls],
            "bot_cpu": one.cpu,
            "machine_cpu": one.machine_cpu,
            "bot_memory": one.memory,
        }
        for calls, one in measured.items()
    }


def _show(measured: dict[int, Measured], console: Console) -> None:
    table = Table("calls at once", *map(str, measured))
    for title, values in (
        ("packets", [f"{one.lateness.packets}" for one in measured.values()]),
        ("late: all calls, %", [f"{one.lateness.percent:.2f}" for one in measured.values()]),
        ("late: the worst call, %", [f"{one.worst_percent:.2f}" for one in measured.values()]),
        ("late: the bare clock, %", [f"{one.clock.percent:.2f}" for one in measured.values()]),
        ("holes over 40 ms, longest gap in ms", [_gaps(one.lateness) for one in measured.values()]),
        (
            "words to first packet in ms, median / 95 %",
            [spread(one.first_packets).median_and_p95 for one in measured.values()],
        ),
        ("CPU of the bot, % of a core", [f"{100 * one.cpu:.0f}" for one in measured.values()]),
        ("  for each call", [f"{100 * one.cpu / calls:.1f}" for calls, one in measured.items()]),
        ("CPU of the machine, % of a core", [f"{100 * one.machine_cpu:.0f}" for one in measured.values()]),
        ("memory of the bot, MB", [f"{one.memory / 1e6:.0f}" for one in measured.values()]),
        ("  more for each further call", _more_memory(measured)),
    ):
        table.add_row(title, *values)
    console.print(table)


def _gaps(found: Lateness) -> str:
    return f"{found.holes}, {1000 * found.longest_gap:.0f}"


def _more_memory(measured: dict[int, Measured]) -> list[str]:
    """For each further call, by how many megabytes the bot has more memory than with the fewest calls."""
    fewest = min(measured)
    before = measured[fewest].memory
    return [
        f"{(one.memory - before) / (calls - fewest) / 1e6:.1f}" if calls > fewest else ""
        for calls, one in measured.items()
    ]


def _calls(text: str) -> list[int]:
    return [count(each) for each in text.split(",")]


def _parser() -> PlainParser:
    parser = make_parser("many_calls", __doc__)
    parser.add_argument("--calls", type=_calls, default=list(CALLS), help="numbers of calls at once, parted by commas")
    parser.add_argument("--turns", type=count, default=20, help="turns in each call")
    parser.add_argument(
        "--rtf",
        type=rate,
        default=STAND_INS.real_time_factor,
        help="real-time factor of the stand-in voice; if all calls together need more than 1, answers have gaps",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
