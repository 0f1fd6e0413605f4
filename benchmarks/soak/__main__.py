"""Soak test: the memory, handles and threads of bots with which five clients talk for hours, all at once.

Clients on Discord, in the browser and on the telephone talk with two bots: one with real engines, and one with
stand-ins. The test measures the slope of the memory after 20 minutes, handles and threads, late packets beside those of
a bare clock, and answers. Ctrl-C ends it early, with the figures so far.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from benchmarks.command_line import BROKEN, INTERRUPTED, Report, Run, make_parser, rate, run, write_json
from benchmarks.soak.judgement import CHECKED, TARGETS, Judgement
from benchmarks.soak.measurement import INTERRUPTED as STOPPED
from benchmarks.soak.measurement import Measured, Soak
from benchmarks.soak.plan import PLAN, only_stand_ins
from benchmarks.soak.plot import draw
from benchmarks.soak.report import MIN_CONSOLE_WIDTH, as_json, progress_line, show
from config.plain_parser import PlainParser

WRITTEN_MINUTES = 10
"""The files have the figures so far every ten minutes, so that little is lost if the machine is switched off."""


def main() -> int:
    """Run the measurement. Only with ``--check`` does the exit status tell whether the targets were met."""
    return run(_parser(), _run, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments = run.arguments

    def say(line: str) -> None:
        run.console.print(line, soft_wrap=True, highlight=False, markup=False)
        # The lines are to be seen at once, even if they go to a file.
        sys.stdout.flush()

    async def progress(measured: Measured) -> None:
        say(progress_line(measured))
        if round(measured.seconds / 60) % WRITTEN_MINUTES == 0:
            await asyncio.to_thread(_write, Judgement(measured), run)

    plan = only_stand_ins(PLAN) if arguments.stand_ins else PLAN
    soak = Soak(plan, run.folder, lambda bot: say(f"The bot {bot!r} has started."), progress)
    measured = await soak.run(arguments.minutes)
    judgement = Judgement(measured)
    await asyncio.to_thread(_write, judgement, run)
    verdicts = judgement.verdicts(CHECKED if arguments.check else TARGETS)
    status = 0
    if measured.ended:
        status = INTERRUPTED if measured.ended == STOPPED else BROKEN
    elif arguments.check and not all(met for _, met in verdicts):
        status = BROKEN
    return Report(lambda console: show(judgement, console), verdicts, as_json(judgement, run.machine), status)


def _write(judgement: Judgement, run: Run) -> None:
    """Write the figures and the plot so far, if they are wanted."""
    if not judgement.measured.samples:
        return
    if run.arguments.json is not None:
        write_json(as_json(judgement, run.machine), run.arguments.json)
    if run.arguments.plot is not None:
        draw(judgement, run.arguments.plot)


def _parser() -> PlainParser:
    parser = make_parser("soak", __doc__)
    parser.add_argument("--minutes", type=rate, default=120, help="how long the clients talk")
    parser.add_argument("--stand-ins", action="store_true", help="no real engines: for machines without their weights")
    parser.add_argument(
        "--check",
        action="store_true",
        help="exit with status 1 if a target is missed; late packets, handles and threads have wider bounds then",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the figures over time into this PNG file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
