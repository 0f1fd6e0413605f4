"""Benchmark of a call on Discord while hostile clients beset the bot's page: late packets, and the bot's memory.

Requests and sockets that have to be refused come one after another, while the bot answers one question after another.
Model and voice are stand-ins. docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.progress import Progress

from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.hostile_clients import SECRET, HostileClients
from benchmarks.reply_measurement import ReplyMeasurement
from benchmarks.reply_report import MIN_CONSOLE_WIDTH, ReplyResult, packets_table
from config.plain_parser import PlainParser

MIB = 1024**2
MAX_GROWTH = 10 * MIB
"""Bytes by which the bot's memory may grow after the first round, which loads what any call needs."""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments, stand_ins, clients = run.arguments, stand_ins_of(run.arguments), HostileClients(run.arguments.pause)
    with Progress(console=run.console, transient=True) as progress:
        bar = progress.add_task("starting the bot", total=arguments.packets)

        def advance(turns: int, packets: int) -> None:
            progress.update(bar, completed=packets, description=f"{turns} answers, {clients.refused} refused")

        measurement = ReplyMeasurement(stand_ins, run.folder, advance, settings={"WEB_TOKEN": SECRET}, company=clients)
        measured = await measurement.run(1, arguments.packets)
    if len(clients.memory) < 2:
        raise MeasurementError(f"there were {clients.refused} hostile inputs, less than a round; ask for more packets")
    result = ReplyResult(run.machine, asdict(stand_ins), measured)
    verdicts = [*((target.text, target.met) for target in result.packet_targets()), growth_verdict(clients.memory)]
    figures = {
        "machine": run.machine,
        **result.packets_as_json(),
        "refused": clients.refused,
        "memory": clients.memory,
    }
    return Report(lambda console: _show(result, clients, console), verdicts, figures)


def growth_verdict(memory: Sequence[int]) -> tuple[str, bool]:
    """Whether the memory stayed flat. ``memory``: bytes before the first round, and after each."""
    growth = max(memory[1:]) - memory[1]
    text = f"memory: {growth / MIB:+.1f} MiB after the first round; at most +{MAX_GROWTH / MIB:.0f}"
    return text, growth <= MAX_GROWTH


def _show(result: ReplyResult, clients: HostileClients, console: Console) -> None:
    console.print(packets_table(result, "Packets while hostile clients beset the page, one every 20 ms"))
    sizes = ", ".join(f"{size / MIB:.1f}" for size in clients.memory[:2] + clients.memory[-1:])
    console.print(
        f"{clients.refused} hostile inputs in {len(clients.memory) - 1} rounds were refused or ended. "
        f"Memory of the bot before the first round, after it, and at the end: {sizes} MiB.",
        soft_wrap=True,
    )


def _parser() -> PlainParser:
    parser = make_parser("hostile_inputs", __doc__)
    parser.add_argument("--packets", type=count, default=5_000, help="least number of packets; 5000 take 2 minutes")
    parser.add_argument(
        "--pause",
        type=float,
        default=0.1,
        help="seconds between one dozen clients and the next dozen; 0 for no pause",
    )
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
