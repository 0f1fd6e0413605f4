"""Benchmark of a call in the browser: a real Chromium with the real page, and the real bot.

It first measures the time from the last voiced sample into the microphone to the first audible sample that is played,
and compares it with the same turns on the sandbox with an open microphone. Then it finds the gaps in long answers, with
and without late messages.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.browser.gaps import PlayOut, measure_play_out
from benchmarks.browser.turns import Turn, measure_turns
from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.statistics import spread
from config.plain_parser import PlainParser

MIN_CONSOLE_WIDTH = 110
MAX_LONGER_MS = 100.0
"""The browser's median may be at most this many milliseconds longer than the sandbox's."""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments = run.arguments
    turns = await _turns(run) if arguments.turns else {}
    played = await _played(run) if arguments.minutes else []
    figures = {
        "machine": run.machine,
        "engines": "real" if arguments.real else "stand-ins",
        "turns": {side: [asdict(turn) for turn in measured] for side, measured in turns.items()},
        "played": [asdict(one) for one in played],
    }
    return Report(lambda console: _show(turns, played, console), _verdicts(turns, played), figures)


async def _turns(run: Run) -> dict[str, list[Turn]]:
    folder = run.folder
    with Progress(console=run.console, transient=True) as bars:
        bar = bars.add_task("Turns", total=run.arguments.turns)
        return await measure_turns(folder, run.arguments.turns, lambda: bars.advance(bar), real=run.arguments.real)


async def _played(run: Run) -> list[PlayOut]:
    """Play half of the time without late messages, and half of it with them."""
    shares, minutes = (0.0, run.arguments.late), run.arguments.minutes / 2
    played = []
    with Progress(console=run.console, transient=True) as bars:
        bar = bars.add_task("Minutes played", total=run.arguments.minutes)
        for number, share in enumerate(shares):
            folder = run.folder / f"played-{number}"
            await asyncio.to_thread(folder.mkdir)
            played.append(await measure_play_out(folder, minutes, share, lambda done: bars.advance(bar, done)))
    return played


def _show(turns: dict[str, list[Turn]], played: Sequence[PlayOut], console: Console) -> None:
    if turns:
        table = Table("milliseconds, median / 95 %", *turns)
        for title, field in (
            ("last voiced sample to first audible sample", "first_audible"),
            ("  to the first packet, by the bot's own clock", "first_packet"),
            ("  delay of the play-out buffer", "delay"),
        ):
            found = [spread([getattr(turn, field) for turn in measured]) for measured in turns.values()]
            table.add_row(title, *(one.median_and_p95 for one in found))
        console.print(table)
    if played:
        table = Table("played", *(f"{one.late_percent:g} % late" for one in played))
        for title, values in (
            ("minutes", [f"{one.seconds / 60:.1f}" for one in played]),
            ("messages, late ones", [f"{one.messages}, {one.late}" for one in played]),
            ("gaps in ms", [_listed(one.gaps) for one in played]),
            ("silence in the sound that was sent, ms", [_listed(one.pauses) for one in played]),
            ("not played, in ms", [f"{one.missing:.0f}" for one in played]),
            ("page's buffer ran empty", [str(one.page_underruns) for one in played]),
            ("silent frames of 20 ms from the bot", [str(one.bot_underruns) for one in played]),
            ("silence that the browser put in because it was late, ms", [_listed(one.skips) for one in played]),
            ("delay of the page's buffer at the end, ms", [f"{one.delay_ms:.0f}" for one in played]),
        ):
            table.add_row(title, *values)
        console.print(table)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values) or "none"


def _verdicts(turns: dict[str, list[Turn]], played: Sequence[PlayOut]) -> list[tuple[str, bool]]:
    verdicts = []
    if turns:
        more = _median(turns["browser"]) - _median(turns["sandbox"])
        verdicts.append(
            (f"The browser takes {more:.0f} ms longer; at most {MAX_LONGER_MS:.0f} ms", more <= MAX_LONGER_MS)
        )
    return verdicts + [(f"No gap with {one.late_percent:g} % of the messages late", not one.gaps) for one in played]


def _median(turns: Sequence[Turn]) -> float:
    return spread([turn.first_audible for turn in turns]).median


def _parser() -> PlainParser:
    parser = make_parser("browser_call", __doc__)
    parser.add_argument("--turns", type=int, default=20, help="turns on each side; 0 for none")
    parser.add_argument("--real", action="store_true", help="turns with real engines instead of stand-ins")
    parser.add_argument("--minutes", type=float, default=20, help="minutes of answers in all; 0 for none")
    parser.add_argument("--late", type=float, default=5, help="percent of late messages, in half of these minutes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
