"""The result of the turn-latency benchmark: figures per kind of microphone, targets, tables and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report
from benchmarks.reply_report import ReplyResult, Target, packets_table
from benchmarks.statistics import Spread, spread
from benchmarks.turn_busy import Busy
from benchmarks.turn_measurement import PEOPLE, MeasuredTurns
from benchmarks.turn_times import TurnTimes

MAX_RATIO = 1.05
WAITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"push-to-talk": (60, 120), "voice activity": (250, 600), "open": (300, 800)}
)
"""Targets for the wait for a turn's end in ms, median and 95 %: from the key's release or the last voiced sample."""
SILENCED_MS = 200.0
MIN_CONSOLE_WIDTH = 160
"""Least width for the tables, in columns."""

_TIMES: tuple[tuple[str, str, Callable[[TurnTimes], float]], ...] = (
    ("total", "first packet", lambda turn: turn.total),
    ("turn_wait", "end of turn", lambda turn: turn.turn_wait),
    ("work", "work", lambda turn: turn.work),
    ("sign", "sign", lambda turn: turn.sign),
    ("to_transcriber", "to STT", lambda turn: turn.to_transcriber),
    ("transcription", "STT", lambda turn: turn.transcription),
    ("to_model", "to model", lambda turn: turn.to_model),
    ("model", "model", lambda turn: turn.model),
    ("text_wait", "text wait", lambda turn: turn.text_wait),
    ("to_voice", "to voice", lambda turn: turn.to_voice),
    ("voice", "voice", lambda turn: turn.voice),
    ("to_packet", "to packet", lambda turn: turn.to_packet),
)


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The result of one run, with at least one turn per kind of microphone. ``busy`` has the packets of replies while
    somebody else talks; ``None`` if they were not measured.
    """

    machine: Mapping[str, str]
    options: Mapping[str, Any]
    measured: MeasuredTurns
    busy: Busy | None

    def turns(self, microphone: str) -> list[TurnTimes]:
        """The turns with one kind of microphone."""
        return [turn for turn in self.measured.turns if turn.microphone == microphone]

    def ratio(self, microphone: str) -> Spread:
        """The spread of :attr:`TurnTimes.ratio` over the turns with one kind of microphone."""
        return spread([turn.ratio for turn in self.turns(microphone)])

    def spreads(self, microphone: str) -> dict[str, Spread]:
        """The spread of each time over the turns with one kind of microphone, in milliseconds."""
        turns = self.turns(microphone)
        return {name: spread([1000 * of(turn) for turn in turns]) for name, _, of in _TIMES}

    def waits(self, microphone: str) -> Spread:
        """The waits for the end of a turn in milliseconds. With push-to-talk they count from the release of the key."""
        held = microphone == "push-to-talk"
        return spread([1000 * (turn.release_wait if held else turn.turn_wait) for turn in self.turns(microphone)])

    def recognised(self, microphone: str) -> int:
        """The number of turns in which the bot recognised the kind of microphone."""
        return sum(turn.taken_for == microphone for turn in self.turns(microphone))

    def until_silent(self, microphone: str | None = None) -> Spread | None:
        """The time that the bot went on after an interruption, in milliseconds. ``None`` without interruptions."""
        found = [
            1000 * interruption.until_silent
            for interruption in self.measured.interruptions
            if microphone in (None, interruption.microphone)
        ]
        return spread(found) if found else None

    @property
    def over_music(self) -> TurnResult | None:
        """The result of the turns and interruptions over music; ``None`` if there were none."""
        measured = self.measured.over_music
        return None if measured is None else TurnResult(self.machine, self.options, measured, None)

    def packets(self) -> ReplyResult | None:
        """The packets that were sent while somebody else was transcribed, if measured."""
        if self.busy is None:
            return None
        return ReplyResult(self.machine, {}, self.busy.measured)

    def targets(self) -> list[Target]:
        """All targets of the design."""
        music, targets = self.over_music, self._own_targets()
        if music is not None:
            targets += [Target(f"over music: {each.text}", each.met) for each in music.targets()]
        packets = self.packets()
        if packets is not None:
            targets += packets.packet_targets()
            if (over_music := packets.over_music) is not None:
                targets += [Target(f"over music: {each.text}", each.met) for each in over_music.packet_targets()]
        return targets

    def _own_targets(self) -> list[Target]:
        targets = [
            Target(
                f"{microphone}: first packet at most {MAX_RATIO} times the longer of wait and work (median)",
                self.ratio(microphone).median <= MAX_RATIO,
            )
            for microphone in PEOPLE
        ]
        for microphone, (median, p95) in WAITS.items():
            found = self.waits(microphone)
            text = f"{microphone}: turns end within {median:.0f} ms, 95 % within {p95:.0f} ms"
            targets.append(Target(text, found.median <= median and found.p95 <= p95))
        until_silent = self.until_silent()
        if until_silent is not None:
            target = f"interrupted: silent within {SILENCED_MS:.0f} ms, always"
            targets.append(Target(target, until_silent.greatest <= SILENCED_MS))
        return targets

    def as_json(self) -> dict[str, Any]:
        """All figures except those of single packets. Times are in milliseconds, the packets' gaps in seconds."""
        music, packets = self.over_music, self.packets()
        result: dict[str, Any] = {
            "machine": dict(self.machine),
            "options": dict(self.options),
            "targets": [asdict(target) for target in self.targets()],
            **self.figures(),
        }
        if music is not None:
            result["over_music"] = music.figures()
        if packets is not None and self.busy is not None:
            heard = {"sentences": self.busy.sentences, "remarks": self.busy.utterances}
            result["while_transcribing"] = packets.packets_as_json() | heard
            if packets.over_music is not None:
                result["while_transcribing_over_music"] = packets.over_music.packets_as_json()
        return result

    def figures(self) -> dict[str, Any]:
        """The figures of turns and interruptions, without those over music."""
        rows = [
            {"microphone": turn.microphone, "taken_for": turn.taken_for, "ratio": round(turn.ratio, 4)}
            | {name: round(1000 * of(turn), 3) for name, _, of in _TIMES}
            for turn in self.measured.turns
        ]
        until_silent = self.until_silent()
        return {
            "ratio": {microphone: asdict(self.ratio(microphone)) for microphone in PEOPLE},
            "milliseconds": {
                microphone: {name: asdict(found) for name, found in self.spreads(microphone).items()}
                for microphone in PEOPLE
            },
            "waits": {microphone: asdict(self.waits(microphone)) for microphone in PEOPLE},
            "recognised": {microphone: self.recognised(microphone) for microphone in PEOPLE},
            "cut_off": self.measured.cut_off,
            "interruptions": asdict(until_silent) if until_silent else None,
            "turns": rows,
            "until_silent": [
                {"microphone": interruption.microphone, "ms": round(1000 * interruption.until_silent, 3)}
                for interruption in self.measured.interruptions
            ],
        }


def turn_report(result: TurnResult) -> Report:
    """Make the report for the runner."""
    return Report(partial(_print, result), [(target.text, target.met) for target in result.targets()], result.as_json())


def _print(result: TurnResult, console: Console) -> None:
    """Print two rows for each kind of microphone, then the interruptions and the packets."""
    for title, each in (("Spoken turns", result), ("Spoken turns over music", result.over_music)):
        if each is None:
            continue
        console.print(_turns(each, title))
        if each.measured.interruptions:
            console.print(_interruptions(each))
    packets = result.packets()
    if packets is not None and result.busy is not None:
        console.print(packets_table(packets, "Packets while somebody else talks and is transcribed, one every 20 ms"))
        if packets.over_music is not None:
            console.print(packets_table(packets.over_music, "The same over music"))
        busy = result.busy
        console.print(
            f"Meanwhile {busy.sentences} sentences were said, and {busy.utterances} utterances were transcribed."
        )
    console.print(
        "First packet and end of turn count from the last voiced sample. With push-to-talk, the wait counts from the "
        "release of the key. Work is the time of the stand-ins, one after the other. The ratio is the first packet "
        "divided by end of turn or work, whichever is longer. The stages from sign to packet follow one another and "
        "add up to the first packet. "
        f"Turns cut off and left out: {result.measured.cut_off}.",
        soft_wrap=True,
    )


def _turns(result: TurnResult, title: str) -> Table:
    machine = result.machine
    table = Table(
        title=f"{title}, in ms · {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"revision {machine['revision']}"
    )
    table.add_column("microphone", no_wrap=True)
    for column in ("turns", "known", "", "ratio", "wait", *(title for _, title, _ in _TIMES)):
        table.add_column(column, justify="right", no_wrap=column == "")
    for microphone in PEOPLE:
        ratio, spreads = result.ratio(microphone), [result.waits(microphone), *result.spreads(microphone).values()]
        counts = (str(len(result.turns(microphone))), str(result.recognised(microphone)))
        medians = (f"{found.median:.0f}" for found in spreads)
        table.add_row(microphone, *counts, "median", f"{ratio.median:.3f}", *medians, style="bold")
        table.add_row("", "", "", "p95", f"{ratio.p95:.3f}", *(f"{found.p95:.0f}" for found in spreads))
        table.add_section()
    return table


def _interruptions(result: TurnResult) -> Table:
    table = Table(title="From an interrupter's first voiced sample to the reply's last packet, in ms")
    table.add_column("microphone")
    for column in ("interruptions", "median", "p95", "longest"):
        table.add_column(column, justify="right")
    for microphone in (*PEOPLE, None):
        found = result.until_silent(microphone)
        if found is None:
            continue
        count = sum(microphone in (None, one.microphone) for one in result.measured.interruptions)
        times = (f"{value:.0f}" for value in (found.median, found.p95, found.greatest))
        table.add_row(microphone or "all", str(count), *times, style=None if microphone else "bold")
    return table
