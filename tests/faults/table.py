"""The table of what happened with each thing and each fault, as Markdown for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from tests.faults.things import Fault, Name


@dataclass(frozen=True, slots=True)
class Result:
    """What happened with one thing and one fault: a cell of the matrix, and a row of the table.

    Attributes:
        meanwhile: what became of the question that was asked during the fault.
        stayed: whether the bot was still in the call when the fault was over.
        recovery: seconds from the end of the fault to the first sound of a good answer.
    """

    thing: Name
    fault: Fault
    meanwhile: str
    stayed: bool
    recovery: float


def record(request: pytest.FixtureRequest, result: Result) -> None:
    """Keep a result for the table, also from a worker process of pytest-xdist."""
    # Only plain values come out of a worker process.
    value = {**asdict(result), "thing": result.thing.value, "fault": result.fault.value}
    request.node.user_properties.append((Result.__name__, value))


def read_results(reports: Iterable[pytest.TestReport]) -> list[Result]:
    """The results of tests that have ended, in the order of the matrix."""
    found = (value for each in reports for name, value in each.user_properties if name == Result.__name__)
    kept = {_read(value) for value in found if isinstance(value, dict)}
    return sorted(kept, key=lambda result: ([*Name].index(result.thing), [*Fault].index(result.fault)))


def _read(value: Mapping[str, Any]) -> Result:
    return Result(**{**value, "thing": Name(value["thing"]), "fault": Fault(value["fault"])})


def as_table(results: Sequence[Result]) -> str:
    """The table, in Markdown."""
    lines = [
        "| what fails | how | the question asked meanwhile | the call | s until a good answer |",
        "| --- " * 5 + "|",
    ]
    lines += [
        f"| {each.thing} | {each.fault} | {each.meanwhile} | {'goes on' if each.stayed else 'ended, rejoined'} "
        f"| {each.recovery:.1f} |"
        for each in results
    ]
    return "\n".join(lines)
