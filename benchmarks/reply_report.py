"""The figures of a reply-latency run: what is computed from the times, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.statistics import Lateness, Spread, lateness, spread

CONTROL_STREAM = 500
"""The control's packets are judged in streams of 10 s too, as a reply is: its clock may drift no longer than that."""
PLUMBING_MEDIAN_MS, PLUMBING_P95_MS = 5.0, 10.0
LATE_POINTS = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """The times of one turn, in seconds.

    ``total`` runs from the prompt's MESSAGE_CREATE to the first voiced packet's arrival at the voice server;
    ``relay`` is the voice server's and the guest's own share after that, which is counted nowhere. ``received`` holds
    the arrival of every voiced packet.
    """

    total: float
    model: float
    text_wait: float
    sentence_wait: float
    clause_tokens: int
    voice: float
    relay: float
    received: list[float]
    underruns: int

    @property
    def plumbing(self) -> float:
        """What is left when model, text wait and voice are taken out: the bot's own time."""
        return self.total - self.model - self.text_wait - self.voice


@dataclass(frozen=True, slots=True)
class Result:
    """One run. ``control`` holds the arrivals of the bare clock's packets, in seconds."""

    machine: dict[str, str]
    turns: list[Turn]
    control: list[float]

    @property
    def plumbing(self) -> Spread:
        """Of all turns, in milliseconds."""
        return spread([1000 * turn.plumbing for turn in self.turns])

    @property
    def text_wait(self) -> Spread:
        """Of all turns, in milliseconds."""
        return spread([1000 * turn.text_wait for turn in self.turns])

    @property
    def bot_lateness(self) -> Lateness:
        """Of the bot's packets, each reply a stream."""
        return lateness([turn.received for turn in self.turns])

    @property
    def control_lateness(self) -> Lateness:
        """Of the bare clock's packets."""
        arrivals = self.control
        return lateness([arrivals[at : at + CONTROL_STREAM] for at in range(0, len(arrivals), CONTROL_STREAM)])

    def as_json(self) -> dict[str, Any]:
        """Everything but the single packets."""
        rows = [
            {key: value for key, value in asdict(turn).items() if key != "received"}
            | {"plumbing": turn.plumbing, "packets": len(turn.received)}
            for turn in self.turns
        ]
        return {
            "machine": self.machine,
            "plumbing_ms": asdict(self.plumbing),
            "text_wait_ms": asdict(self.text_wait),
            "bot_packets": asdict(self.bot_lateness) | {"percent": self.bot_lateness.percent},
            "control_packets": asdict(self.control_lateness) | {"percent": self.control_lateness.percent},
            "underruns": sum(turn.underruns for turn in self.turns),
            "turns_s": rows,
        }


def print_result(result: Result, console: Console) -> None:
    """A row a turn, then the summary with its targets."""
    table = Table(title=f"reply latency, ms · {result.machine['processor']}, {result.machine['cores']} cores")
    for column in ("turn", "total", "model", "text wait", "voice", "plumbing", "relay (not counted)", "packets"):
        table.add_column(column, justify="right")
    for number, turn in enumerate(result.turns, start=1):
        times = (turn.total, turn.model, turn.text_wait, turn.voice, turn.plumbing, turn.relay)
        table.add_row(str(number), *(f"{1000 * value:.1f}" for value in times), str(len(turn.received)))
    console.print(table)
    plumbing, wait = result.plumbing, result.text_wait
    sentence = spread([1000 * turn.sentence_wait for turn in result.turns]).median
    tokens = spread([float(turn.clause_tokens) for turn in result.turns]).median
    met = plumbing.median <= PLUMBING_MEDIAN_MS and plumbing.p95 <= PLUMBING_P95_MS
    console.print(
        f"plumbing   median {plumbing.median:.2f} ms, p95 {plumbing.p95:.2f} ms, greatest {plumbing.greatest:.2f} ms "
        f"(target 5 and 10: {_verdict(met)})"
    )
    console.print(
        f"text wait  median {wait.median:.0f} ms = the first clause, {tokens:.0f} tokens (the first sentence: "
        f"{sentence:.0f} ms)"
    )
    bot, control = result.bot_lateness, result.control_lateness
    console.print(
        f"packets    {bot.packets}, of which {bot.late} more than 20 ms late ({bot.percent:.3f} %), longest gap "
        f"{1000 * bot.longest_gap:.1f} ms; bare clock {control.packets}, {control.late} late "
        f"({control.percent:.3f} %), longest gap {1000 * control.longest_gap:.1f} ms "
        f"(target: control + {LATE_POINTS} points: {_verdict(bot.percent <= control.percent + LATE_POINTS)})"
    )
    console.print(
        f"start      longest gap between a reply's first two packets {1000 * bot.first_gap:.1f} ms "
        f"(target: none, that is below 40: {_verdict(bot.first_gap < 0.04)})"
    )
    console.print(f"underruns  {sum(turn.underruns for turn in result.turns)}")


def _verdict(met: bool) -> str:
    return "met" if met else "missed"
