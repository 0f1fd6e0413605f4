"""``make fuzz``: all parsers of bytes from outside, with 100,000 damaged messages each. Prints a table.

The status is 1 if a parser has raised anything but its documented error, or if the memory grew.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys

from rich.console import Console
from rich.table import Table

from tests.fuzzing.fuzz import MIB, Outcome, run_kind
from tests.fuzzing.parsers import KINDS

CASES = 100_000
MAX_GROWTH = 8 * MIB
"""Bytes by which a process may grow after the first fifth of its cases, as in ``tests/voice/discord/test_flood.py``."""


def main() -> int:
    """Run the kinds that are asked for."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", help="words in the names of kinds; all kinds if there are none")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=38)
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    given = parser.parse_args()
    chosen = [
        number
        for number, kind in enumerate(KINDS)
        if not given.kinds or any(word.casefold() in kind.name.casefold() for word in given.kinds)
    ]
    with multiprocessing.get_context("spawn").Pool(given.jobs, maxtasksperchild=1) as pool:
        tasks = [(number, given.cases, given.seed) for number in chosen]
        outcomes = list(pool.imap(run_kind, tasks, chunksize=1))
    _show(outcomes)
    return int(any(outcome.failures or outcome.growth > MAX_GROWTH for outcome in outcomes))


def _show(outcomes: list[Outcome]) -> None:
    console, table = (
        Console(width=110),
        Table("kind of bytes", "cases", "refused", "raised", "seconds", "slowest, ms", "memory, MiB"),
    )
    for each in outcomes:
        table.add_row(
            *(each.kind, f"{each.cases:,}", f"{each.refused:,}", str(len(each.failures)), f"{each.seconds:.1f}"),
            *(f"{1000 * each.slowest:.0f}", f"{each.growth / MIB:+.1f}"),
        )
    console.print(table)
    for each in outcomes:
        for failure in each.failures:
            console.print(
                f"{each.kind}, case {failure.number}: {failure.error}\n  {failure.case[:300]!r}", markup=False
            )


if __name__ == "__main__":
    sys.exit(main())
