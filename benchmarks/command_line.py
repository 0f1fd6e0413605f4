"""The runner of all benchmarks: command line, temporary folder, errors and signals, printed and written results."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from benchmarks.errors import MeasurementError
from benchmarks.machine import describe_machine
from benchmarks.measured_call import BOT_LOG, StandIns
from config.plain_parser import PlainParser

BROKEN, INTERRUPTED = 1, 130
LOG_LINES = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a benchmark.

    Attributes:
        folder: a temporary folder, which is deleted after the run.
        machine: see :func:`~benchmarks.machine.describe_machine`.
    """

    arguments: argparse.Namespace
    folder: Path
    console: Console
    machine: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run.

    Attributes:
        show: prints the tables.
        verdicts: each target with whether it was met; printed after the tables.
        figures: the JSON object for ``--json``.
        status: the exit status.
    """

    show: Callable[[Console], None]
    verdicts: Iterable[tuple[str, bool]] = ()
    figures: Mapping[str, Any] | None = None
    status: int = 0


def make_parser(name: str, description: str | None) -> PlainParser:
    """Make the parser of ``python -m benchmarks.NAME``. Its help shows the defaults."""
    return PlainParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def run(
    parser: PlainParser,
    measure: Callable[[Run], Report | Coroutine[Any, Any, Report]],
    *errors: type[Exception],
    min_width: int = 0,
    json_option: bool = True,
) -> int:
    """Read the command line, measure, print the report, and write its figures to the file of ``--json``.

    After Ctrl-C or SIGTERM, the run cleans up and ends without a traceback.

    Args:
        measure: the measurement. A coroutine function runs on an event loop.
        errors: exceptions, besides :class:`MeasurementError`, that end the run with a message.
        min_width: the least width of the console, in columns.
        json_option: whether there is a ``--json``.

    Returns:
        The exit status: that of the report, :data:`BROKEN`, or :data:`INTERRUPTED`.
    """
    if json_option:
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    arguments = parser.read(sys.argv[1:])
    console = make_console(min_width)
    explained: tuple[type[Exception], ...] = (MeasurementError, *errors)
    try:
        with _sigterm_like_ctrl_c(), tempfile.TemporaryDirectory(prefix="seiyuu-benchmark-") as name:
            folder = Path(name)
            try:
                work = measure(Run(arguments, folder, console, describe_machine()))
                report = asyncio.run(interruptible(work)) if isinstance(work, Coroutine) else work
            except explained as error:
                explain_failure(error, folder, console)
                return BROKEN
            present(report, console)
            if json_option and arguments.json is not None and report.figures is not None:
                write_json(report.figures, arguments.json)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Ended.")
        return INTERRUPTED
    return report.status


def present(report: Report, console: Console) -> None:
    """Print a report: its tables, then one line for each target."""
    report.show(console)
    for text, met in report.verdicts:
        console.print(f"{'✔' if met else '✘'} {text}: {'met' if met else 'missed'}")


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def make_console(min_width: int = 0) -> Console:
    """Make a console of at least this width, in columns, even if the terminal is narrower."""
    console = Console()
    if console.width < min_width:
        console.width = min_width
    return console


def add_stand_ins(parser: argparse.ArgumentParser) -> None:
    """Add the options for the speed of the stand-ins."""
    parser.add_argument("--first-token-ms", type=float, default=150, help="delay of the stand-in model's first token")
    parser.add_argument("--rate", type=rate, default=40, help="speed of the stand-in model, in tokens a second")
    parser.add_argument("--first-audio-ms", type=float, default=200, help="delay of the stand-in voice's first sound")
    parser.add_argument("--rtf", type=float, default=0.3, help="real-time factor of the stand-in voice")


def stand_ins_of(arguments: argparse.Namespace) -> StandIns:
    """The values of the options of :func:`add_stand_ins`."""
    return StandIns(
        first_token=arguments.first_token_ms / 1000,
        rate=arguments.rate,
        first_audio=arguments.first_audio_ms / 1000,
        real_time_factor=arguments.rtf,
    )


def count(text: str) -> int:
    """Read an option that is a whole number of 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def rate(text: str) -> float:
    """Read an option that is a number above 0."""
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def setting(text: str) -> tuple[str, str]:
    """Read an option of the form ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``. SIGTERM cancels it, as Ctrl-C does without our help."""
    running, loop = asyncio.current_task(), asyncio.get_running_loop()
    if running is None:
        raise RuntimeError("this must run in a task")
    before = signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        return await work
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


def explain_failure(error: Exception, folder: Path, console: Console) -> None:
    """Print why a measurement failed, with the end of the bot's log in ``folder``."""
    console.print(f"✘ The measurement broke off: {error}.", style="bold red", markup=False)
    log = folder / BOT_LOG
    if log.exists():
        console.print("The end of the bot's log:")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def write_json(result: Mapping[str, Any], path: Path) -> None:
    """Write the figures to a JSON file. Makes the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
