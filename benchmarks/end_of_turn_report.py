"""The result of the end-of-turn benchmark: its figures per kind of microphone, targets, table and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report
from benchmarks.end_of_turn_call import SentenceOutcome
from benchmarks.statistics import Spread, spread

LEARNING_SENTENCES = 3
"""Number of a person's first sentences that don't count for waits. The bot learns the kind of microphone from them."""
MAX_CUT_OFF = 2
MIN_CONSOLE_WIDTH = 120
"""Least width for the table, in columns."""


@dataclass(frozen=True, slots=True)
class WaitTarget:
    """The longest allowed median and 95th percentile of the waits, in milliseconds."""

    median: float
    p95: float


WAITS = {
    "push-to-talk": WaitTarget(60, 120),
    "voice activity": WaitTarget(250, 600),
    "open": WaitTarget(300, 800),
}
"""Targets per kind of microphone. Push-to-talk counts from the last packet, the others from the last voiced sample."""


@dataclass(frozen=True, slots=True)
class MicrophoneRow:
    """The outcomes of 40 sentences by one kind of voices on one kind of microphone, with pauses or without.

    ``people`` has one list of outcomes for each person.
    """

    voices: str
    microphone: str
    paused: bool
    people: Sequence[Sequence[SentenceOutcome]]

    @property
    def cut_off(self) -> int:
        """The number of sentences that were cut off, the first ones included."""
        return sum(outcome.cut_off for person in self.people for outcome in person)

    def waits(self) -> Spread:
        """The waits for the end of the turn in milliseconds, without each person's first sentences."""
        known = [outcome for person in self.people for outcome in person[LEARNING_SENTENCES:]]
        key = self.microphone == "push-to-talk"
        waits = [outcome.after_release if key else outcome.wait for outcome in known]
        return spread([1000 * wait for wait in waits if wait is not None])

    def onsets(self) -> Spread:
        """The times from the first voiced packet until speech is detected, in milliseconds."""
        outcomes = [outcome for person in self.people for outcome in person]
        return spread([1000 * outcome.onset for outcome in outcomes if outcome.onset is not None])

    @property
    def pauses(self) -> float:
        """The mean number of pauses per sentence. A transcription begins at each of them."""
        outcomes = [outcome for person in self.people for outcome in person]
        return sum(outcome.pauses for outcome in outcomes) / len(outcomes)


@dataclass(frozen=True, slots=True)
class EndOfTurnResult:
    """The result of one run.

    Attributes:
        noise: number of events that the detector reported, for each kind of noise.
        window_us: microseconds that the detector needs for one window of sound.
    """

    machine: Mapping[str, str]
    options: Mapping[str, float | str | None]
    rows: Sequence[MicrophoneRow]
    noise: Mapping[str, int]
    window_us: float

    def targets(self) -> list[tuple[str, bool]]:
        """All targets, each with whether it was met."""
        found: list[tuple[str, bool]] = []
        for row in self.rows:
            if row.paused:
                if row.microphone != "push-to-talk":
                    text = f"{row.voices}, {row.microphone}: at most {MAX_CUT_OFF} of 40 sentences with pauses cut off"
                    found.append((text, row.cut_off <= MAX_CUT_OFF))
                continue
            target, waits, who = WAITS[row.microphone], row.waits(), f"{row.voices}, {row.microphone}"
            found += [
                (
                    f"{who}: median wait at most {target.median:.0f} ms",
                    waits.median <= target.median,
                ),
                (f"{who}: 95 % within {target.p95:.0f} ms", waits.p95 <= target.p95),
            ]
        return [*found, ("noise, music and keys: not one event", not any(self.noise.values()))]

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON: milliseconds, but seconds for the times of single sentences."""
        return {
            "machine": dict(self.machine),
            "options": dict(self.options),
            "targets": [{"text": text, "met": met} for text, met in self.targets()],
            "window_us": self.window_us,
            "noise_events": dict(self.noise),
            "rows": [
                {
                    "voices": row.voices,
                    "microphone": row.microphone,
                    "pauses": row.paused,
                    "cut_off": row.cut_off,
                    "wait_ms": asdict(row.waits()),
                    "onset_ms": asdict(row.onsets()),
                    "transcriptions": row.pauses,
                    "people": [[asdict(outcome) for outcome in person] for person in row.people],
                }
                for row in self.rows
            ],
        }


def end_of_turn_report(result: EndOfTurnResult) -> Report:
    """Make the report for the runner."""
    return Report(partial(_print, result), result.targets(), result.as_json())


def _print(result: EndOfTurnResult, console: Console) -> None:
    """Print a row for each kind of microphone, then an explanation."""
    machine = result.machine
    table = Table(
        title=f"End of turn, in ms · {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"revision {machine['revision']}"
    )
    columns = ("wait", "p95", "longest", "cut off", "speech detected after", "p95", "transcriptions")
    table.add_column("voices")
    table.add_column("microphone")
    table.add_column("inner pauses")
    for column in columns:
        table.add_column(column, justify="right")
    for row in result.rows:
        waits, onsets = row.waits(), row.onsets()
        table.add_row(
            row.voices,
            row.microphone,
            "yes" if row.paused else "no",
            *(f"{value:.0f}" for value in (waits.median, waits.p95, waits.greatest)),
            f"{row.cut_off} of {sum(map(len, row.people))}",
            f"{onsets.median:.0f}",
            f"{onsets.p95:.0f}",
            f"{row.pauses:.1f}",
        )
    console.print(table)
    events = sum(result.noise.values())
    console.print(
        f"Waits leave out each person's first {LEARNING_SENTENCES} sentences, cut-offs don't. Push-to-talk waits count "
        "from the last packet, the others from the packet with the last voiced sample. In five minutes of noise, music "
        f"and keys, the detector reported {events} events. It needs {result.window_us:.0f} µs for a window of 32 ms.",
        soft_wrap=True,
    )
