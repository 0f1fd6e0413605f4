"""Benchmark of the plot in the page's view "Now": a day of turns, in a real Chromium with the real page.

It measures how long the page draws, and how long it takes from the request to the drawn plot. The API is the real one,
in the process of the benchmark.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from playwright.async_api import async_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.errors import MeasurementError
from benchmarks.statistics import Spread, spread
from bot.call_ends import CallEnds
from bot.health import READY
from bot.http.api.now import NowApi
from bot.http.page import Page
from bot.lease import Lease
from bot.monitoring.monitor import EngineNames, Monitor
from bot.monitoring.prometheus import PrometheusMetrics
from bot.monitoring.turns import TurnLog
from bot.voice.events import ReplyEnded
from bot.voice.manager import CallManager
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from config.plain_parser import PlainParser
from config.sections import WarningSettings
from hardware.poll import CardPoll

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DAY = 86_000.0
"""Seconds from the first turn to the last."""
MAX_MS = 200.0
"""Largest number of milliseconds that asking for a day and drawing it may take."""
MEASURE = """
async (count) => {
  const { DayPlot } = await import("/now/day_plot.js");
  const plot = new DayPlot();
  document.body.replaceChildren(plot.element);
  await plot.refresh();
  // uPlot draws a moment after it is asked to, and the browser may do so later still. Reading a pixel waits for both.
  const drawn = async () => {
    await Promise.resolve();
    const canvas = plot.element.querySelector("canvas");
    canvas.getContext("2d").getImageData(0, 0, 1, 1);
  };
  const times = { draw: [], whole: [] };
  for (let number = 0; number < count; number++) {
    for (const [name, work] of [["draw", () => plot.draw()], ["whole", () => plot.refresh()]]) {
      const begun = performance.now();
      await work();
      await drawn();
      times[name].push(performance.now() - begun);
      await new Promise(requestAnimationFrame);
    }
  }
  return times;
}
"""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    arguments = run.arguments
    async with _served(_day(arguments.turns)) as url, async_playwright() as playwright:
        path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
        if path is None:
            raise MeasurementError("there is no Chromium (Debian: apt install chromium)")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(url)
        times: Mapping[str, list[float]] = await page.evaluate(MEASURE, arguments.times)
        await browser.close()
    spreads = {name: spread(values) for name, values in times.items()}
    figures = {"machine": run.machine, "turns": arguments.turns, "ms": dict(times)}
    verdict = f"A day of {arguments.turns:,} turns is asked for and drawn in {spreads['whole'].greatest:.0f} ms at most"
    return Report(
        lambda console: _show(spreads, console),
        [(f"{verdict}; goal {MAX_MS:.0f}", spreads["whole"].greatest <= MAX_MS)],
        figures,
    )


def _day(turns: int) -> TurnLog:
    """The log of a day that ends now."""
    rng, at = random.Random(16), [time.time() - DAY]
    log = TurnLog(lambda: at[0])
    for _ in range(turns):
        at[0] += DAY / turns
        heard = 400 + 300 * rng.lognormvariate(0, 0.5)
        log(ReplyEnded(ReplyTrace("r1", Outcome.SPOKEN, 0.0, first_packet=heard)))
    return log


@asynccontextmanager
async def _served(log: TurnLog) -> AsyncIterator[str]:
    """Serve the page and its figures. Returns the address."""

    async def voice() -> str:
        return ""

    ready = dict.fromkeys(("model", "ears", "voice"), READY)
    lease = Lease()
    manager: CallManager[Any] = CallManager(lease, CallEnds())
    names = EngineNames(str, str, voice)
    monitor = Monitor(log, manager, lease, CardPoll(("0.9",)), WarningSettings(), lambda: ready, names, None, "!")
    api = NowApi(monitor, PrometheusMetrics(monitor))
    files = await asyncio.to_thread(Page.load)
    app = web.Application()
    app.add_routes([*files.routes, web.get("/api/now", api.show), web.get("/api/now/day", api.day)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _show(found: Mapping[str, Spread], console: Console) -> None:
    table = Table("milliseconds", "median", "95 %", "longest")
    for name, title in (("draw", "drawn"), ("whole", "asked for and drawn")):
        one = found[name]
        table.add_row(title, *(f"{value:.0f}" for value in (one.median, one.p95, one.greatest)))
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("day_plot", __doc__)
    parser.add_argument("--turns", type=int, default=5_000, help="turns of the day")
    parser.add_argument("--times", type=int, default=30, help="how often the plot is drawn")
    return parser


if __name__ == "__main__":
    sys.exit(main())
