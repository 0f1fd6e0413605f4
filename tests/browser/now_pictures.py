"""Takes pictures of the view "Now" in every state. Look at them after a change.

python -m tests.browser.now_pictures FOLDER [STATE …]
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, expect

from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from tests.bot.monitoring.figures import SPOKEN_TURN, Figures
from tests.bot.monitoring.test_warnings import polled
from tests.browser.now_stage import NowPage, now_page
from tests.browser.picture_command import SIZES, Scheme, take_pictures

HOURS = 20.0
TURNS = 5_000
HEIGHT = 1_900
"""Height of the pictures in pixels. The whole view fits into it."""


def some_turn(rng: random.Random) -> ReplyTrace:
    """A turn whose stages take a random time each."""
    pause, words, token, clause, sound = (rng.lognormvariate(0, 0.4) * ms for ms in (120, 180, 160, 70, 90))
    heard = pause + words
    return replace(
        SPOKEN_TURN,
        outcome=rng.choices((Outcome.SPOKEN, Outcome.INTERRUPTED), (9, 1))[0],
        speech_paused=pause,
        transcribed=heard,
        turn_ended=heard + 20,
        waited=heard,
        first_token=heard + token,
        first_clause=heard + token + clause,
        first_audio=heard + token + clause + sound,
        first_packet=heard + token + clause + sound + 4,
        last_packet=heard + 3_000,
    )


def busy_figures() -> Figures:
    """The figures of a day with :data:`TURNS` turns."""
    rng, figures = random.Random(16), Figures(now=time.time() - 3_600 * HOURS)
    figures.call()
    for _ in range(TURNS):
        figures.turn(some_turn(rng), later=3_600 * HOURS / TURNS)
    return figures


async def empty(now: NowPage) -> None:
    await now.open()
    await expect(now.at("turn-title")).to_have_text("No turn yet")


async def live(now: NowPage) -> None:
    call = await now.begin_call()
    for _ in range(3):
        now.figures.turn()
    call.conversation.waiting = 1
    call.reply(620.0, waited=310.0, speech_paused=120.0, transcribed=300.0, turn_ended=290.0, first_token=450.0)
    await now.open()
    await expect(now.at("turn-title")).to_have_text("The turn now")


async def busy(now: NowPage) -> None:
    cards = [CardMemory("NVIDIA GeForce RTX 3060", GpuVendor.NVIDIA, 12 * GIB, 11 * GIB, (8, 6), 0.42)]
    await polled(now.figures, *cards)
    now.figures.state["voice"] = "no speech server answers at 192.168.1.20:8765"
    for _ in range(3):
        now.figures.turn(replace(SPOKEN_TURN, first_token=1_900.0, first_packet=2_300.0), later=1.0)
    await now.open()
    await expect(now.at("turn")).to_have_count(200)


STATES: dict[str, tuple[Callable[[NowPage], Awaitable[None]], Callable[[], Figures]]] = {
    "empty": (empty, Figures),
    "live": (live, lambda: Figures(now=time.time() - 60)),
    "busy": (busy, busy_figures),
}


async def take(browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None:
    width, _ = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    show, figures = STATES[state]
    async with now_page(context, figures()) as now:
        await show(now)
        await asyncio.sleep(1.0)
        await now.page.screenshot(path=folder / f"now-{state}-{size}-{scheme}.png")
    await context.close()


if __name__ == "__main__":
    take_pictures(take, STATES)
