"""Feeds damaged messages to a parser, and watches its errors, its time and the memory of the process."""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzzing.memory import held_memory
from tests.fuzzing.parsers import KINDS, Kind

MIB = 1024**2
MAX_SHOWN = 3
"""Number of failures of a kind that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case for which a parser has raised something else than its documented error."""

    number: int
    case: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of all cases of a kind.

    Attributes:
        refused: cases for which the documented error was raised.
        seconds: time in the parser.
        growth: bytes by which the memory that the process holds grew after the first fifth of the cases.
    """

    kind: str
    cases: int
    refused: int
    seconds: float
    slowest: float
    growth: int
    failures: tuple[Failure, ...]


def fuzz(kind: Kind, cases: int, folder: Path, seed: int = 38) -> Outcome:
    """Feed this number of cases to the parser of a kind."""
    rng = random.Random(f"{kind.name} {seed}")
    refused, seconds, slowest, before = 0, 0.0, 0.0, 0
    failures = list[Failure]()
    logging.disable(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        seeds, parse = kind.seeds(), kind.start(folder, stack)
        for number in range(cases):
            if number == cases // 5:
                before = held_memory()
            case = kind.make(seeds, rng)
            began = time.perf_counter()
            try:
                parse(case, rng)
            except kind.errors:
                refused += 1
            except Exception as error:
                if len(failures) < MAX_SHOWN:
                    failures.append(Failure(number, case, repr(error)[:300]))
            took = time.perf_counter() - began
            seconds, slowest = seconds + took, max(slowest, took)
        growth = held_memory() - before
    return Outcome(kind.name, cases, refused, seconds, slowest, growth, tuple(failures))


def run_kind(task: tuple[int, int, int]) -> Outcome:
    """Run one kind: its number among all kinds, the number of cases, and the seed. For a process of its own."""
    number, cases, seed = task
    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz(KINDS[number], cases, Path(folder), seed)
    sys.stderr.write(f"{outcome.kind}: {outcome.seconds:.0f} s\n")
    return outcome
