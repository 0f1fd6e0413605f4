"""How long after somebody's last word the answer begins, for each kind of microphone, and how fast it can be stopped.

Guests speak on the sandbox; transcriber, model and voice are stand-ins with fixed times; everything else is real: the
bot in a process of its own, its ears, its speech server, Discord's protocols and end-to-end encryption.
docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.progress import Progress, TaskID

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
from benchmarks.turn_busy import Busy, measure_busy
from benchmarks.turn_measurement import PEOPLE, MeasuredTurns, TurnMeasurement
from benchmarks.turn_report import NARROWEST, Result, print_result
from sandbox.speech import SpeechError


def main() -> int:
    """Measure and print; the exit status says only whether the measurement worked, not what it found."""
    arguments = _parse_arguments()
    console = make_console(NARROWEST)
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        try:
            measured, busy = asyncio.run(interruptible(_measure(arguments, Path(folder), progress)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("Ended.")
            return INTERRUPTED
        except (MeasurementError, SpeechError) as error:
            explain(error, Path(folder), console)
            return BROKEN
    options = asdict(stand_ins_of(arguments)) | {
        "transcription": arguments.transcription_ms / 1000,
        "seed": arguments.seed,
        "real_transcriber": arguments.real_transcriber,
    }
    result = Result(machine, options, measured, busy)
    print_result(result, console)
    if arguments.json is not None:
        write_json(result.as_json(), arguments.json)
    return 0


async def _measure(
    arguments: argparse.Namespace, folder: Path, progress: Progress
) -> tuple[MeasuredTurns, Busy | None]:
    stand_ins, transcription = stand_ins_of(arguments), arguments.transcription_ms / 1000
    turns = arguments.warm_up + arguments.turns + arguments.interruptions
    bar: TaskID = progress.add_task("talking", total=turns * len(PEOPLE))
    measurement = TurnMeasurement(stand_ins, transcription, folder, arguments.seed, lambda: progress.advance(bar))
    measured = await measurement.run(arguments.turns, arguments.warm_up, arguments.interruptions)
    if not arguments.packets:
        return measured, None
    bar = progress.add_task("talking while the bot does", total=arguments.packets)
    busy = await measure_busy(
        stand_ins,
        None if arguments.real_transcriber else transcription,
        folder,
        arguments.packets,
        lambda _, packets: progress.update(bar, completed=packets),
    )
    return measured, busy


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.turn_latency",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--turns", type=count, default=10, help="so many with each kind of microphone")
    parser.add_argument("--warm-up", type=int, default=5, help="and so many before them, in which the bot learns")
    parser.add_argument("--interruptions", type=int, default=4, help="and so many with each")
    parser.add_argument(
        "--packets", type=int, default=3000, help="at least so many while somebody else is transcribed; 0 for none"
    )
    parser.add_argument(
        "--real-transcriber", action="store_true", help="let the toy Whisper transcribe while packets are counted"
    )
    parser.add_argument("--transcription-ms", type=float, default=210, help="of the stand-in transcriber")
    add_stand_ins(parser)
    parser.add_argument("--seed", type=int, default=1, help="of pauses, releases and interruptions")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
