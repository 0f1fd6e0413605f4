"""The plot of a soak: memory, handles, threads and late packets over time, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageFont

from benchmarks.soak.judgement import WARM_UP, Judgement, held, late_in, memory
from benchmarks.soak.measurement import Measured, Sample

WIDTH, PANEL, GAP = 1400, 260, 66
LEFT, RIGHT, TOP = 80, 200, 40
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#555555")
INK, GRID, MARK = "#222222", "#dddddd", "#888888"
LATE_SECONDS = 300.0
"""Late packets are counted in pieces of this length; in a short soak, in pieces of a tenth of the soak."""
TICKS = 5
BASE_SAMPLES = 10
"""The memory at the end of the warm-up is the median of this many samples after it."""

Points = Sequence[tuple[float, float]]
"""Points of a line: minutes, and a value."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: its title, and its lines by their names."""

    title: str
    lines: Mapping[str, Points]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with round numbers: the least, the greatest, and the distance between two marks."""

    low: float
    high: float
    step: float

    @property
    def marks(self) -> Sequence[float]:
        """The numbers at the marks."""
        return [self.low + self.step * number for number in range(round((self.high - self.low) / self.step) + 1)]


def draw(judgement: Judgement, file: Path) -> None:
    """Write the plot to a PNG file. Makes the folder if needed."""
    panels = _panels(judgement)
    image = Image.new("RGB", (WIDTH, TOP + len(panels) * (PANEL + GAP)), "white")
    canvas = ImageDraw.Draw(image)
    last = max(0.1, judgement.measured.seconds / 60)
    for number, panel in enumerate(panels):
        _draw_panel(canvas, panel, TOP + number * (PANEL + GAP), last)
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file, optimize=True)


def _panels(judgement: Judgement) -> Sequence[Panel]:
    samples = judgement.measured.samples
    bots = list(samples[0].bots) if samples else []

    def each_bot(value: Callable[[Sample, str], float]) -> Mapping[str, Points]:
        return {bot: [(one.at / 60, value(one, bot)) for one in samples] for bot in bots}

    panels = [Panel("Memory of each bot with its children, MB", each_bot(memory))]
    if judgement.has_slope:
        steady = judgement.steady[:BASE_SAMPLES]
        base = {bot: median(memory(one, bot) for one in steady) for bot in bots}
        title = f"The same, compared with minute {WARM_UP / 60:.0f}, MB"
        panels.append(Panel(title, each_bot(lambda one, bot: memory(one, bot) - base[bot])))
    piece = min(LATE_SECONDS, max(1.0, judgement.measured.seconds / 10))
    return [
        *panels,
        Panel("Open handles", each_bot(lambda one, bot: held(one, bot, lambda process: process.handles))),
        Panel("Threads", each_bot(lambda one, bot: held(one, bot, lambda process: process.threads))),
        Panel(f"Packets more than 20 ms late, %, in pieces of {piece:.0f} s", _late(judgement.measured, piece)),
    ]


def _late(measured: Measured, piece: float) -> Mapping[str, Points]:
    begun = measured.begun
    pieces = [piece * number for number in range(max(1, round(measured.seconds / piece)))]
    streams = {client.name: client.streams for client in measured.clients} | {"bare clock": measured.clock}
    return {
        name: [((at + piece / 2) / 60, late_in(each, begun + at, begun + at + piece)) for at in pieces]
        for name, each in streams.items()
    }


def _draw_panel(canvas: ImageDraw.ImageDraw, panel: Panel, top: int, last: float) -> None:
    font = ImageFont.load_default(15)
    values = [value for line in panel.lines.values() for _, value in line]
    axis = axis_for(min(values, default=0.0), max(values, default=0.0))
    right, bottom = WIDTH - RIGHT, top + PANEL

    def place(minute: float, value: float) -> tuple[float, float]:
        share = (value - axis.low) / (axis.high - axis.low)
        return LEFT + (right - LEFT) * minute / last, bottom - PANEL * share

    canvas.text((LEFT, top - 24), panel.title, INK, font)
    for mark in axis.marks:
        _, y = place(0, mark)
        canvas.line([(LEFT, y), (right, y)], MARK if mark == 0 else GRID)
        canvas.text((LEFT - 8, y), f"{mark:g}", INK, font, anchor="rm")
    for mark in axis_for(0.0, last).marks:
        if mark <= last:
            canvas.text((place(mark, 0)[0], bottom + 8), f"{mark:g} min", INK, font, anchor="ma")
    if last > WARM_UP / 60:
        x, _ = place(WARM_UP / 60, 0)
        canvas.line([(x, top), (x, bottom)], MARK)
    for number, (name, line) in enumerate(panel.lines.items()):
        color = COLORS[number % len(COLORS)]
        canvas.line([place(*point) for point in line], color, 2, joint="curve")
        canvas.text((right + 14, top + 2 + 22 * number), name, color, font)


def axis_for(least: float, greatest: float) -> Axis:
    """An axis with 0 and these values on it, and about five marks at 1, 2 or 5 times a power of ten."""
    low, high = min(0.0, least), max(0.0, greatest)
    if high <= low:
        return Axis(0.0, 1.0, 1.0)
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    # A little larger than computed, since the division may round up.
    step = next(factor * power for factor in (1, 2, 5, 10) if 1.000001 * factor * power >= rough)
    return Axis(step * math.floor(low / step), step * math.ceil(high / step), step)
