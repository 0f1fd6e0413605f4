"""How long the bot itself takes from a typed prompt to the first packet, and how well its packets keep time.

The model and the voice are stand-ins with fixed times; everything else is real: the bot in a process of its own, its
speech server, Discord's protocols. docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.errors import MeasurementError
from benchmarks.machine import describe_machine
from benchmarks.reply_measurement import Measured, ReplyMeasurement, StandIns
from benchmarks.reply_report import NARROWEST, Result, print_result

BROKEN, INTERRUPTED = 1, 130
LOG_LINES = 20


def main() -> int:
    """Measure and print; the exit status says only whether the measurement worked, not what it found."""
    arguments = _parse_arguments()
    console = Console()
    if console.width < NARROWEST:
        console.width = NARROWEST
    stand_ins = StandIns(
        first_token=arguments.first_token_ms / 1000,
        rate=arguments.rate,
        first_audio=arguments.first_audio_ms / 1000,
        real_time_factor=arguments.rtf,
    )
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("starting the bot", total=None)

        def advance(turns: int, packets: int) -> None:
            done = min(turns / arguments.turns, packets / arguments.packets if arguments.packets else 1.0)
            progress.update(bar, completed=done, total=1.0, description=f"{turns} turns, {packets} packets")

        measurement = ReplyMeasurement(stand_ins, Path(folder), advance)
        try:
            measured = asyncio.run(_interruptible(measurement, arguments.turns, arguments.packets))
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("Ended.")
            return INTERRUPTED
        except MeasurementError as error:
            _explain(error, measurement.log, console)
            return BROKEN
    result = Result(machine, asdict(stand_ins), measured.turns, measured.control)
    print_result(result, console)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result.as_json(), indent=1) + "\n", encoding="utf-8")
    return 0


async def _interruptible(measurement: ReplyMeasurement, turns: int, packets: int) -> Measured:
    """Measure; SIGTERM ends it in order, as Ctrl-C does by itself."""
    running = asyncio.current_task()
    if running is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await measurement.run(turns, packets)


def _explain(error: MeasurementError, log: Path, console: Console) -> None:
    console.print(f"✘ The measurement broke off: {error}.", style="bold red", markup=False)
    if log.exists():
        console.print("The end of the bot's log:")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reply_latency",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--turns", type=_count, default=20, help="at least so many turns")
    parser.add_argument("--packets", type=int, default=0, help="and so many packets; 20000 take about 7 minutes")
    parser.add_argument("--first-token-ms", type=float, default=150, help="of the stand-in model")
    parser.add_argument("--rate", type=_rate, default=40, help="of the stand-in model, in tokens a second")
    parser.add_argument("--first-audio-ms", type=float, default=200, help="of the stand-in voice")
    parser.add_argument("--rtf", type=float, default=0.3, help="of the stand-in voice: its real-time factor")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _rate(text: str) -> float:
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
