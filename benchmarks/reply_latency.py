"""Benchmark of replies to typed prompts: the bot's own share of the time to the first packet, and its packets' timing.

Model and voice are stand-ins with fixed times. All else is real: the bot in a process of its own, its speech server and
Discord's protocols. After each reply of the bot, the "bare floor" answers the same prompt: a program with the same hops
and no framework, which shows the lowest possible time. If the bot's reply plays over music, the bare floor also puts
its reply into the next frame of a running stream. docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

from rich.progress import Progress

from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, setting, stand_ins_of
from benchmarks.reply_measurement import ReplyMeasurement
from benchmarks.reply_report import MIN_CONSOLE_WIDTH, ReplyResult, reply_report
from config.plain_parser import PlainParser


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments, stand_ins = run.arguments, stand_ins_of(run.arguments)
    with Progress(console=run.console, transient=True) as progress:
        bar = progress.add_task("starting the bot", total=None)

        def advance(turns: int, packets: int) -> None:
            done = min(turns / arguments.turns, packets / arguments.packets if arguments.packets else 1.0)
            progress.update(bar, completed=done, total=1.0, description=f"{turns} turns, {packets} packets")

        measurement = ReplyMeasurement(
            stand_ins,
            run.folder,
            advance,
            settings=dict(arguments.set),
            with_floor=True,
            with_music=arguments.music,
        )
        measured = await measurement.run(arguments.turns, arguments.packets)
    result = ReplyResult(run.machine, asdict(stand_ins), measured)
    return reply_report(result)


def _parser() -> PlainParser:
    parser = make_parser("reply_latency", __doc__)
    parser.add_argument("--turns", type=count, default=20, help="least number of turns")
    parser.add_argument("--packets", type=int, default=0, help="least number of packets; 20000 take about 7 minutes")
    parser.add_argument(
        "--set", type=setting, action="append", default=[], metavar="NAME=VALUE", help="another setting of the bot's"
    )
    parser.add_argument("--music", action="store_true", help="also measure replies over music, alternating with others")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
