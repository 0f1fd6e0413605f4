"""What the figures of a soak mean: slopes of memory, growth of handles and threads, late packets, missed answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.soak.heard import Stream
from benchmarks.soak.holdings import ProcessHoldings
from benchmarks.soak.measurement import ClientResult, Measured, Sample
from benchmarks.soak.plan import Way
from benchmarks.statistics import Lateness, robust_slope

WARM_UP = 20 * 60.0
"""Seconds after the beginning from which a bot's memory has to be steady."""
SHORT_WARM_UP = 60.0
"""Seconds after which handles and threads have to be steady in a soak that is too short for a slope."""
SHORTEST_FOR_SLOPE = 20 * 60.0
"""A slope is fitted if the soak goes on for at least this many seconds after the warm-up."""
MAX_SLOPE = 10.0
"""Megabytes an hour by which the memory of a bot and its children may grow."""
MEGABYTE = 1e6
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much worse than ideal the figures may be.

    Attributes:
        late_points: the share of late packets may be larger than the bare clock's by this many percentage points.
        growth: the handles of a process may become more by this number after the warm-up, and so may its threads.
    """

    late_points: float
    growth: int


TARGETS = Bounds(late_points=0.1, growth=0)
CHECKED = Bounds(late_points=10.0, growth=3)
"""Wider bounds, for machines of continuous integration, which do other work too.

In five minutes, a pool of threads may still grow. A handle that stays open after each turn exceeds the bound all the
same, since there are some fifteen turns.
"""


@dataclass(frozen=True, slots=True)
class Level:
    """How many handles or threads a process held after the warm-up.

    Attributes:
        first, last: the median of the first third of the samples, and of the last third.
        least, most: the least and the greatest number in a sample.
        growth: the least value of the last third minus the greatest of the first third; above 0 only if the level has
            risen.
    """

    first: float
    last: float
    least: float
    most: float
    growth: float


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """One process of a bot.

    Attributes:
        megabytes: its memory at the end of the warm-up, and at the end.
        slope: megabytes an hour; ``None`` if the soak was too short.
        starts: how many processes had this name, one after another.
    """

    bot: str
    name: str
    megabytes: tuple[float, float]
    slope: float | None
    handles: Level
    threads: Level
    starts: int


class Judgement:
    """The figures of a soak, computed once.

    Attributes:
        has_slope: whether the soak was long enough to fit the slope of the memory.
        steady: the samples after the warm-up.
    """

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.has_slope = measured.seconds >= WARM_UP + SHORTEST_FOR_SLOPE
        warm_up = WARM_UP if self.has_slope else min(SHORT_WARM_UP, measured.seconds / 3)
        self.steady = [sample for sample in measured.samples if sample.at >= warm_up]

    @cached_property
    def processes(self) -> Sequence[ProcessFigures]:
        """All processes that were there most of the time."""
        names: dict[tuple[str, str], int] = {}
        for sample in self.steady:
            for bot, processes in sample.bots.items():
                for name in processes:
                    names[bot, name] = names.get((bot, name), 0) + 1
        return [self._process(*key) for key, count in names.items() if count > len(self.steady) / 2]

    def _process(self, bot: str, name: str) -> ProcessFigures:
        held = [(sample.at, one) for sample in self.steady if (one := sample.bots[bot].get(name)) is not None]
        memory = [one.memory / MEGABYTE for _, one in held]
        return ProcessFigures(
            bot,
            name,
            (memory[0], memory[-1]),
            robust_slope([at / HOUR for at, _ in held], memory) if self.has_slope else None,
            level([one.handles for _, one in held]),
            level([one.threads for _, one in held]),
            len({one.pid for _, one in held}),
        )

    def memory_of(self, bot: str) -> Sequence[tuple[float, float]]:
        """The memory of a bot and its children, in megabytes, with the hours since the beginning."""
        return [(sample.at / HOUR, memory(sample, bot)) for sample in self.steady if sample.bots[bot]]

    @cached_property
    def slopes(self) -> dict[str, float]:
        """By how many megabytes an hour each bot grows, with its children; empty if the soak was too short."""
        if not self.has_slope:
            return {}
        found = {}
        for bot in self.measured.bots:
            hours, megabytes = zip(*self.memory_of(bot.plan.name), strict=True)
            found[bot.plan.name] = robust_slope(hours, megabytes)
        return found

    def late(self, client: ClientResult) -> Lateness:
        """The lateness of the bot's packets to a client."""
        return total(stream.lateness for stream in client.streams)

    def clock(self, client: ClientResult) -> Lateness:
        """The lateness of the bare clock's packets, timed in the same way as the client's."""
        read = client.plan.way is Way.BROWSER
        streams = self.measured.clock_read if read else self.measured.clock
        return total(stream.lateness for stream in streams)

    @property
    def missed(self) -> int:
        """The number of turns without an answer, of all clients."""
        return sum(client.tally.missed for client in self.measured.clients)

    def grown(self, allowed: int) -> list[str]:
        """The processes whose handles or threads have grown by more than ``allowed``: a line of text for each."""
        grown = []
        for process in self.processes:
            for what, held in (("handles", process.handles), ("threads", process.threads)):
                if held.growth > allowed:
                    grown.append(f"{process.bot}, {process.name}: {what} {held.first:g} to {held.last:g}")
        return grown

    def verdicts(self, bounds: Bounds = TARGETS) -> list[tuple[str, bool]]:
        """Each target, and whether it was met."""
        grown = self.grown(bounds.growth)
        return [
            (f"The soak came to its end{_because(self.measured.ended)}", not self.measured.ended),
            *(
                (f"{bot}: memory {slope:+.1f} MB an hour; less than {MAX_SLOPE:g}", slope < MAX_SLOPE)
                for bot, slope in self.slopes.items()
            ),
            (f"Handles and threads are constant{_because('; '.join(grown))}", not grown),
            *(self._answered(client) for client in self.measured.clients),
            *(self._on_time(client, bounds.late_points) for client in self.measured.clients),
        ]

    def _answered(self, client: ClientResult) -> tuple[str, bool]:
        tally = client.tally
        lost = f", {len(tally.lost)} calls lost" if tally.lost else ""
        text = f"{client.name}: {tally.missed} of {len(tally.turns)} answers missed{lost}"
        return text, bool(tally.turns) and not tally.missed and not tally.lost

    def _on_time(self, client: ClientResult, points: float) -> tuple[str, bool]:
        late, clock = self.late(client).percent, self.clock(client).percent
        text = f"{client.name}: {late:.3f} % late packets; at most {points:g} points above the clock's {clock:.3f} %"
        return text, late <= clock + points


def level(values: Sequence[float]) -> Level:
    """The level of at least one value, in the order of time."""
    third = max(1, len(values) // 3)
    first, last = sorted(values[:third]), sorted(values[-third:])
    return Level(first[len(first) // 2], last[len(last) // 2], min(values), max(values), last[0] - first[-1])


def memory(sample: Sample, bot: str) -> float:
    """The memory of a bot and its children, in megabytes."""
    return held(sample, bot, lambda process: process.memory) / MEGABYTE


def held(sample: Sample, bot: str, what: Callable[[ProcessHoldings], int]) -> int:
    """How much a bot and its children held."""
    return sum(what(process) for process in sample.bots[bot].values())


def total(parts: Iterable[Lateness]) -> Lateness:
    """The lateness of several streams together."""
    each = list(parts)
    return Lateness(
        packets=sum(one.packets for one in each),
        late=sum(one.late for one in each),
        holes=sum(one.holes for one in each),
        longest_gap=max((one.longest_gap for one in each), default=0.0),
        first_gap=max((one.first_gap for one in each), default=0.0),
    )


def late_in(streams: Sequence[Stream], begin: float, end: float) -> float:
    """The share of late packets in the streams that ended between two times, in percent."""
    return total(stream.lateness for stream in streams if begin <= stream.ended < end).percent


def _because(why: str) -> str:
    return f" ({why})" if why else ""
