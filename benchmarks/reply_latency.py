"""How long the bot itself takes from a typed prompt to the first packet, and how well its packets keep time.

The model and the voice are stand-ins with fixed times; everything else is real: the bot in a process of its own, its
speech server, Discord's protocols. docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.progress import Progress

from benchmarks.command_line import (
    BROKEN,
    INTERRUPTED,
    add_stand_ins,
    count,
    explain,
    interruptible,
    make_console,
    stand_ins_of,
    write_json,
)
from benchmarks.errors import MeasurementError
from benchmarks.machine import describe_machine
from benchmarks.reply_measurement import ReplyMeasurement
from benchmarks.reply_report import NARROWEST, Result, print_result


def main() -> int:
    """Measure and print; the exit status says only whether the measurement worked, not what it found."""
    arguments = _parse_arguments()
    console = make_console(NARROWEST)
    stand_ins = stand_ins_of(arguments)
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("starting the bot", total=None)

        def advance(turns: int, packets: int) -> None:
            done = min(turns / arguments.turns, packets / arguments.packets if arguments.packets else 1.0)
            progress.update(bar, completed=done, total=1.0, description=f"{turns} turns, {packets} packets")

        measurement = ReplyMeasurement(stand_ins, Path(folder), advance)
        try:
            measured = asyncio.run(interruptible(measurement.run(arguments.turns, arguments.packets)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("Ended.")
            return INTERRUPTED
        except MeasurementError as error:
            explain(error, Path(folder), console)
            return BROKEN
    result = Result(machine, asdict(stand_ins), measured.turns, measured.control)
    print_result(result, console)
    if arguments.json is not None:
        write_json(result.as_json(), arguments.json)
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reply_latency",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--turns", type=count, default=20, help="at least so many turns")
    parser.add_argument("--packets", type=int, default=0, help="and so many packets; 20000 take about 7 minutes")
    add_stand_ins(parser)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
