"""Benchmark of spoken turns: the wait for the answer per microphone, and how soon an interruption silences the answer.

Guests speak on the sandbox. Transcriber, model and voice are stand-ins with fixed times. All else is real: the bot in a
process of its own, its turn detection, its speech server, Discord's protocols and end-to-end encryption.
docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from rich.progress import Progress, TaskID

from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.turn_busy import Busy, measure_busy
from benchmarks.turn_measurement import PEOPLE, MeasuredTurns, TurnMeasurement
from benchmarks.turn_report import MIN_CONSOLE_WIDTH, TurnResult, turn_report
from config.plain_parser import PlainParser
from sandbox.speech import SpeechError


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeechError, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments = run.arguments
    with Progress(console=run.console, transient=True) as progress:
        measured, busy = await _measure(arguments, run.folder, progress)
    options = asdict(stand_ins_of(arguments)) | {
        "transcription": arguments.transcription_ms / 1000,
        "seed": arguments.seed,
        "real_transcriber": arguments.real_transcriber,
    }
    result = TurnResult(run.machine, options, measured, busy)
    return turn_report(result)


async def _measure(
    arguments: argparse.Namespace, folder: Path, progress: Progress
) -> tuple[MeasuredTurns, Busy | None]:
    stand_ins, transcription = stand_ins_of(arguments), arguments.transcription_ms / 1000
    times = 2 if arguments.music else 1
    turns = arguments.warm_up + times * (arguments.turns + arguments.interruptions)
    bar: TaskID = progress.add_task("talking", total=turns * len(PEOPLE))
    measurement = TurnMeasurement(
        stand_ins,
        transcription,
        folder,
        arguments.seed,
        lambda: progress.advance(bar),
        with_music=arguments.music,
    )
    measured = await measurement.run(arguments.turns, arguments.warm_up, arguments.interruptions)
    if not arguments.packets:
        return measured, None
    bar = progress.add_task("talking while the bot speaks", total=arguments.packets)
    busy = await measure_busy(
        stand_ins,
        None if arguments.real_transcriber else transcription,
        folder,
        arguments.packets,
        lambda _, packets: progress.update(bar, completed=packets),
        with_music=arguments.music,
    )
    return measured, busy


def _parser() -> PlainParser:
    parser = make_parser("turn_latency", __doc__)
    parser.add_argument("--turns", type=count, default=10, help="turns to measure with each kind of microphone")
    parser.add_argument(
        "--warm-up", type=int, default=5, help="turns before the measured ones, in which the bot learns"
    )
    parser.add_argument("--interruptions", type=int, default=4, help="interruptions with each kind of microphone")
    parser.add_argument(
        "--packets", type=int, default=3000, help="packets to measure while somebody else is transcribed; 0 for none"
    )
    parser.add_argument(
        "--real-transcriber", action="store_true", help="let the toy Whisper transcribe while packets are counted"
    )
    parser.add_argument("--transcription-ms", type=float, default=210, help="delay of the stand-in transcriber")
    parser.add_argument("--music", action="store_true", help="also measure turns over music, alternating with others")
    add_stand_ins(parser)
    parser.add_argument("--seed", type=int, default=1, help="seed of pauses, releases and interruptions")
    return parser


if __name__ == "__main__":
    sys.exit(main())
