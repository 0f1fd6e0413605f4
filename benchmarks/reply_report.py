"""The result of the reply-latency benchmark: figures, targets, tables and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report
from benchmarks.reply_measurement import Measured
from benchmarks.reply_times import ReplyTimes
from benchmarks.statistics import HOLE_SECONDS, Lateness, Spread, lateness, spread

CONTROL_STREAM = 500
"""The bare clock's packets are judged in streams of this many packets: 10 s, about as long as a reply. Lateness
counts from the first packet of a stream, so in longer streams a clock that drifts would have more late packets.
"""
PLUMBING_MEDIAN_MS, PLUMBING_P95_MS = 5.0, 10.0
MAX_RATIO = 1.25
"""Largest allowed ratio of the bot's plumbing to the bare floor's (medians)."""
LATE_POINTS = 0.1
MIN_CONSOLE_WIDTH = 122
"""Least width for the tables, in columns."""

_TIMES: tuple[tuple[str, str, Callable[[ReplyTimes], float]], ...] = (
    ("total", "first packet", lambda turn: turn.total),
    ("model", "model", lambda turn: turn.model),
    ("text_wait", "text wait", lambda turn: turn.text_wait),
    ("sentence_wait", "sentence", lambda turn: turn.sentence_wait),
    ("voice", "voice", lambda turn: turn.voice),
    ("plumbing", "plumbing", lambda turn: turn.plumbing),
    ("to_model", "to model", lambda turn: turn.to_model),
    ("to_voice", "to voice", lambda turn: turn.to_voice),
    ("to_packet", "to packet", lambda turn: turn.to_packet),
    ("relay", "relay", lambda turn: turn.relay),
)

_WAYS = ("to_model", "to_voice", "to_packet")


@dataclass(frozen=True, slots=True)
class Target:
    """A target, and whether it was met."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class ReplyResult:
    """The result of one run with at least one turn. ``options`` is the speed of the stand-ins."""

    machine: Mapping[str, str]
    options: Mapping[str, float]
    measured: Measured

    def spreads(self) -> dict[str, Spread]:
        """The spread of each time over the bot's turns, in milliseconds."""
        return _spreads(self.measured.turns)

    def floor_spreads(self) -> dict[str, Spread] | None:
        """The spread of each time over the bare floor's turns, in ms; ``None`` if the floor was not measured."""
        return _spreads(self.measured.floor) if self.measured.floor else None

    def ratios(self) -> Spread | None:
        """The bot's plumbing divided by the bare floor's: median by median, and so on. ``None`` without a floor."""
        floor = self.floor_spreads()
        if floor is None:
            return None
        bot, bare = self.spreads()["plumbing"], floor["plumbing"]
        return Spread(bot.median / bare.median, bot.p95 / bare.p95, bot.greatest / bare.greatest)

    @property
    def clause_tokens(self) -> float:
        """The median number of tokens in the first clause."""
        return spread([float(turn.clause_tokens) for turn in self.measured.turns]).median

    @property
    def underruns(self) -> int:
        """The number of frames of silence, 20 ms each, that were sent within replies because sound was late."""
        return sum(turn.underruns for turn in self.measured.turns)

    def bot_lateness(self) -> Lateness:
        """The lateness of the bot's packets. Each reply is a stream."""
        return lateness([turn.received for turn in self.measured.turns])

    def control_lateness(self) -> Lateness:
        """The lateness of the bare clock's packets."""
        arrivals = self.measured.control
        return lateness([arrivals[at : at + CONTROL_STREAM] for at in range(0, len(arrivals), CONTROL_STREAM)])

    @property
    def over_music(self) -> ReplyResult | None:
        """The result of the replies over music; ``None`` if there were none."""
        measured = self.measured.over_music
        return None if measured is None else ReplyResult(self.machine, self.options, measured)

    def targets(self) -> list[Target]:
        """All targets of the design."""
        music = self.over_music
        over_music = [] if music is None else [Target(f"over music: {each.text}", each.met) for each in music.targets()]
        return [*self._own_targets(), *over_music]

    def _own_targets(self) -> list[Target]:
        plumbing, ratios = self.spreads()["plumbing"], self.ratios()
        beside_floor = Target(
            f"plumbing: at most {MAX_RATIO} x the floor (medians)",
            ratios is not None and ratios.median <= MAX_RATIO,
        )
        return [
            *([beside_floor] if ratios is not None else []),
            Target(f"plumbing: median at most {PLUMBING_MEDIAN_MS:.0f} ms", plumbing.median <= PLUMBING_MEDIAN_MS),
            Target(f"plumbing: 95 % within {PLUMBING_P95_MS:.0f} ms", plumbing.p95 <= PLUMBING_P95_MS),
            *self.packet_targets(),
        ]

    def packet_targets(self) -> list[Target]:
        """The targets for the packets alone."""
        bot, control = self.bot_lateness(), self.control_lateness()
        return [
            Target(
                f"late packets: at most {LATE_POINTS} percentage points more than the bare clock's",
                bot.percent <= control.percent + LATE_POINTS,
            ),
            Target("no gap at the start of a reply", bot.first_gap <= HOLE_SECONDS),
        ]

    def as_json(self) -> dict[str, Any]:
        """All figures except those of single packets. Times are in milliseconds, the packets' gaps in seconds."""
        return {
            "machine": dict(self.machine),
            "options": dict(self.options),
            "targets": [asdict(target) for target in self.targets()],
            **self.figures(),
            **({} if self.over_music is None else {"over_music": self.over_music.figures()}),
        }

    def figures(self) -> dict[str, Any]:
        """The figures of the replies, without those of the replies over music."""
        rows = [
            _row(turn)
            | {"clause_tokens": turn.clause_tokens, "packets": len(turn.received), "underruns": turn.underruns}
            | {"first_gap": round(1000 * lateness([turn.received]).first_gap, 3)}
            for turn in self.measured.turns
        ]
        return {
            "milliseconds": {name: asdict(found) for name, found in self.spreads().items()},
            "clause_tokens": self.clause_tokens,
            **self.packets_as_json(),
            "turns": rows,
            **self._floor_as_json(),
        }

    def _floor_as_json(self) -> dict[str, Any]:
        floor, ratios = self.floor_spreads(), self.ratios()
        if floor is None or ratios is None:
            return {}
        return {
            "plumbing_over_floor": asdict(ratios),
            "floor_milliseconds": {name: asdict(found) for name, found in floor.items()},
            "floor_turns": [_row(turn) for turn in self.measured.floor],
        }

    def packets_as_json(self) -> dict[str, Any]:
        """The figures of all packets together."""
        bot, control = self.bot_lateness(), self.control_lateness()
        return {
            "bot_packets": asdict(bot) | {"percent": bot.percent},
            "control_packets": asdict(control) | {"percent": control.percent},
            "underruns": self.underruns,
        }


def reply_report(result: ReplyResult) -> Report:
    """Make the report for the runner."""
    return Report(partial(_print, result), [(target.text, target.met) for target in result.targets()], result.as_json())


def _spreads(turns: Sequence[ReplyTimes]) -> dict[str, Spread]:
    return {name: spread([1000 * of(turn) for turn in turns]) for name, _, of in _TIMES}


def _row(turn: ReplyTimes) -> dict[str, float]:
    return {name: round(1000 * of(turn), 3) for name, _, of in _TIMES}


def _print(result: ReplyResult, console: Console) -> None:
    """Print a row for each turn, then the summaries."""
    console.print(_turns(result))
    floor, ratios = result.floor_spreads(), result.ratios()
    if floor is not None and ratios is not None:
        console.print(_beside_floor(result.spreads(), floor, ratios))
    console.print(packets_table(result))
    if (music := result.over_music) is not None:
        _print_over_music(music, console)
    console.print(
        f"The text wait is for the first clause, {result.clause_tokens:.0f} tokens. The column beside it is the wait "
        "for the first sentence. Plumbing is the sum of the three ways: to the model, to the voice, to the packet. The "
        "relay's time is the sandbox's own and is not counted.",
        soft_wrap=True,
    )


def _print_over_music(result: ReplyResult, console: Console) -> None:
    """Print the summaries of the replies over music."""
    floor, ratios = result.floor_spreads(), result.ratios()
    if floor is not None and ratios is not None:
        console.print(_beside_floor(result.spreads(), floor, ratios, "Plumbing over music, in ms"))
    console.print(packets_table(result, "Packets with voice over music, one every 20 ms"))


def _turns(result: ReplyResult) -> Table:
    machine = result.machine
    table = Table(
        title=f"Replies, in ms · {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"revision {machine['revision']}"
    )
    for column in ("turn", *(title for _, title, _ in _TIMES)):
        table.add_column(column, justify="right", no_wrap=True)
    for number, turn in enumerate(result.measured.turns, start=1):
        table.add_row(str(number), *(f"{1000 * of(turn):.1f}" for _, _, of in _TIMES))
    table.add_section()
    spreads = result.spreads().values()
    table.add_row("median", *(f"{found.median:.1f}" for found in spreads), style="bold")
    table.add_row("p95", *(f"{found.p95:.1f}" for found in spreads), style="bold")
    return table


def _beside_floor(
    bot: Mapping[str, Spread], floor: Mapping[str, Spread], ratios: Spread, title: str = "Plumbing, in ms"
) -> Table:
    """A table of the bot's plumbing and the bare floor's, with the medians of its three parts: to the model, to the
    voice and to the packet.
    """
    table = Table(title=f"{title}: replies of the bot and of the bare floor in turn")
    for column in ("", "median", "p95", "greatest", "to model", "to voice", "to packet"):
        table.add_column(column, justify="right")
    for name, found in (("the bot", bot), ("the bare floor", floor)):
        whole = found["plumbing"]
        ways = (found[way].median for way in _WAYS)
        table.add_row(name, *(f"{each:.2f}" for each in (whole.median, whole.p95, whole.greatest, *ways)))
    parts = (bot[way].median / floor[way].median for way in _WAYS)
    table.add_row("ratio", *(f"{each:.2f}" for each in (ratios.median, ratios.p95, ratios.greatest, *parts)))
    return table


def packets_table(result: ReplyResult, title: str = "Packets, one every 20 ms") -> Table:
    """A table of the bot's packets, and below them the bare clock's."""
    table = Table(title=title)
    columns = ("sent by", "packets", "over 20 ms late", "gaps over 40 ms", "longest gap", "longest at a start")
    for column in (*columns, "underruns"):
        table.add_column(column, justify="right")
    for name, found, underruns in (
        ("the bot", result.bot_lateness(), str(result.underruns)),
        ("a bare clock", result.control_lateness(), ""),
    ):
        table.add_row(
            name,
            str(found.packets),
            f"{found.late} ({found.percent:.3f} %)",
            str(found.holes),
            f"{1000 * found.longest_gap:.1f} ms",
            f"{1000 * found.first_gap:.1f} ms",
            underruns,
        )
    return table
