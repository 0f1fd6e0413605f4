"""Benchmark of the page's first paint: how soon it shows something in a real Chromium that has never opened it.

The bot is `python -m bot talk`. Each visit has a new profile of the browser, which has nothing of the page in its
cache.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.browser.call import CHROMIUM
from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import StandIns
from benchmarks.stand_in_model import StandInModel
from benchmarks.statistics import spread
from benchmarks.talking_bot import talking_bot
from config.plain_parser import PlainParser

MAX_MS = 1_000.0
MAX_BYTES = 300_000
"""Largest number of bytes that the page may load in all."""
USABLE = "() => !document.querySelector('[data-testid=talk]').disabled"
MEASURE = """
() => {
  const paints = performance.getEntriesByName("first-contentful-paint");
  const loaded = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
  return {
    paint: paints.length ? paints[0].startTime : null,
    bytes: loaded.reduce((sum, each) => sum + each.encodedBodySize, 0),
  };
}
"""
"""Returns the milliseconds from the opening of the address to the first paint, and the bytes that were loaded."""

Visit = Mapping[str, float]
"""One visit: ``paint`` in milliseconds, and ``bytes``."""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    visits = await measure(run.folder, stand_ins_of(run.arguments), run.arguments.visits)
    figures = {"machine": run.machine, "visits": visits}
    return Report(lambda console: _show(visits, console), verdicts(visits), figures)


async def measure(folder: Path, stand_ins: StandIns, visits: int) -> Sequence[Visit]:
    """Open the page ``visits`` times, each time with an empty cache.

    Raises:
        MeasurementError: there is no Chromium, or nothing was painted.
    """
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        raise MeasurementError("there is no Chromium (Debian: apt install chromium)")
    async with (
        StandInModel(["Hello."], first_token=stand_ins.first_token, rate=stand_ins.rate) as model,
        talking_bot(folder, stand_ins, {"LLM_URL": model.url}) as bot,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            return [await _visit(browser, bot.url) for _ in range(visits)]
        finally:
            await browser.close()


async def _visit(browser: Browser, url: str) -> Visit:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_function(USABLE)
        # The browser reports a paint a moment later.
        await asyncio.sleep(0.5)
        visit: dict[str, Any] = await page.evaluate(MEASURE)
    finally:
        await context.close()
    if visit["paint"] is None:
        raise MeasurementError("nothing was painted")
    return visit


def verdicts(visits: Sequence[Visit]) -> list[tuple[str, bool]]:
    """The targets, and whether every visit met them."""
    paint, size = (max(visit[name] for visit in visits) for name in ("paint", "bytes"))
    return [
        (f"The slowest first paint came after {paint:.0f} ms; the target is at most {MAX_MS:.0f}", paint <= MAX_MS),
        (
            f"The page loaded {size / 1000:.0f} kB at first; the target is at most {MAX_BYTES / 1000:.0f}",
            size <= MAX_BYTES,
        ),
    ]


def _show(visits: Sequence[Visit], console: Console) -> None:
    table = Table("", "visits", "median", "95 %", "longest")
    one = spread([visit["paint"] for visit in visits])
    table.add_row(
        "address opened to first paint, ms",
        str(len(visits)),
        *(f"{value:.0f}" for value in (one.median, one.p95, one.greatest)),
    )
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("first_paint", __doc__)
    parser.add_argument("--visits", type=count, default=20, help="how often the page is opened")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
