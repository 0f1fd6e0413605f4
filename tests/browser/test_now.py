"""The view "Now" in a browser: the turn that is being answered, the last turns, warnings, and the machine."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, expect
from prometheus_client.parser import text_string_to_metric_families

from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from tests.bot.monitoring.figures import SPOKEN_TURN, Figures
from tests.bot.monitoring.test_warnings import polled
from tests.browser.now_stage import NowPage, now_page
from tests.browser.test_looks import axe_source, findings
from tests.browser.test_own_server import STARTED
from tests.e2e.program import program
from tests.e2e.test_page import page_of

pytestmark = pytest.mark.browser

PHONE = 390


@pytest.fixture
async def now(context: BrowserContext) -> AsyncIterator[NowPage]:
    async with now_page(context, Figures(now=time.time() - 3_600)) as page:
        yield page


async def test_before_the_first_turn_the_view_says_what_will_be_there(now: NowPage) -> None:
    await now.open()
    await expect(now.at("now-state")).to_have_text("No call is on.")
    await expect(now.at("turn-title")).to_have_text("No turn yet")
    await expect(now.at("cards")).to_contain_text("No graphics card")
    await expect(now.at("engines")).to_contain_text("a tone · ready")
    await expect(now.at("held")).to_contain_text("nothing")
    await expect(now.at("now-warning")).to_have_count(0)


async def test_the_steps_of_the_turn_appear_as_they_are_reached(now: NowPage) -> None:
    call = await now.begin_call()
    call.conversation.waiting = 2
    await now.open()
    await expect(now.at("now-state")).to_contain_text("Seiyuu listens.")
    await expect(now.at("held")).to_contain_text("2 to answer in the call")
    call.reply(400.0, waited=310.0, speech_paused=120.0, transcribed=300.0, turn_ended=290.0)
    await expect(now.at("now-state")).to_contain_text("Seiyuu answers.")
    await expect(now.at("turn-title")).to_have_text("The turn now")
    await expect(now.at("step-words")).to_contain_text("180 ms")
    await expect(now.at("step-first_token")).to_have_attribute("data-state", "running")
    await expect(now.at("step-first_sound")).to_have_attribute("data-state", "waiting")
    call.reply_ended()
    now.figures.turn()
    await expect(now.at("turn-title")).to_have_text("The newest turn")
    await expect(now.at("step-first_sound")).to_contain_text("80 ms")
    await expect(now.at("step-last_packet")).to_contain_text("2.60 s")
    await expect(now.at("turn")).to_have_count(1)
    await expect(now.at("figures")).to_contain_text("605 ms")
    await expect(now.at("tokens")).to_contain_text("43 /s")


async def test_200_turns_are_shown_and_no_more_and_each_can_be_looked_at(now: NowPage) -> None:
    for ms in range(205):
        now.figures.turn(replace(SPOKEN_TURN, first_packet=605.0 + ms))
    await now.open()
    await expect(now.at("turn")).to_have_count(200)
    now.figures.turn(ReplyTrace("r1", Outcome.FAILED, 0.2), spoken=False)
    await expect(now.at("turn").first).to_contain_text("Typed, no answer")
    await expect(now.at("turn")).to_have_count(200)
    third = now.at("turn").nth(2).get_by_role("button")
    await third.press("Enter")
    await expect(now.at("turn-title")).to_have_text("Turn 204")
    await expect(third).to_have_attribute("aria-pressed", "true")
    await now.page.get_by_role("button", name="Show the newest turn").click()
    await expect(now.at("turn-title")).to_have_text("The newest turn")


async def test_a_warning_appears_when_a_limit_is_crossed_and_goes_again(now: NowPage) -> None:
    await now.open()
    now.figures.turn(replace(SPOKEN_TURN, first_token=2_000.0))
    await expect(now.at("now-warning")).to_contain_text("The limit is WARN_FIRST_TOKEN_MS=1000.")
    await expect(now.at("now-warning")).to_contain_text("LLM_MODEL")
    for _ in range(3):
        now.figures.turn()
    await expect(now.at("now-warning")).to_have_count(0)


async def test_the_day_is_a_plot_of_the_figure_that_is_chosen(now: NowPage) -> None:
    # The middle of the ten minutes before these: the turns, 10 s apart, are all within the same ten minutes.
    now.figures.now -= now.figures.now % 600 + 300
    for ms in (300.0, 500.0, 700.0):
        now.figures.turn(replace(SPOKEN_TURN, first_packet=ms, transcribed=ms))
    await now.open()
    await expect(now.at("day-text")).to_have_text("3 turns; last: median 500 ms, 95 % within 700 ms.")
    await expect(now.at("day-plot").locator("canvas")).to_have_count(1)
    await now.at("day-stt_ms").check()
    await expect(now.at("day-text")).to_contain_text("median 380 ms")
    await expect(now.at("day-plot")).to_have_attribute("aria-label", re.compile("^Ears in milliseconds"))


async def test_cards_are_shown_with_their_memory_and_their_use(now: NowPage) -> None:
    card = CardMemory("RTX 3060", GpuVendor.NVIDIA, 12 * GIB, 3 * GIB, (8, 6), 0.25)
    await polled(now.figures, card)
    now.figures.state["voice"] = "no speech server answers"
    await now.open()
    await expect(now.at("card")).to_contain_text("3.0 of 12.0 GiB")
    await expect(now.at("card")).to_contain_text("25 % busy")
    await expect(now.at("engines")).to_contain_text("a tone · away")
    await expect(now.at("now-warning")).to_contain_text("no speech server answers")


async def test_a_bot_that_does_not_answer_is_a_problem_with_a_remedy(now: NowPage) -> None:
    await now.open()
    await expect(now.at("turn-title")).to_have_text("No turn yet")
    await now.page.route("**/api/now*", lambda route: route.abort())
    await expect(now.at("problem")).to_contain_text("Is it still running?")
    await now.page.unroute("**/api/now*")
    await now.at("problem").get_by_role("button").click()
    await expect(now.at("problem")).to_have_count(0)
    now.figures.turn()
    await expect(now.at("turn-title")).to_have_text("The newest turn")
    now.errors.clear()


async def test_a_view_that_is_not_shown_asks_for_nothing(now: NowPage) -> None:
    await now.open()
    await expect(now.at("turn-title")).to_have_text("No turn yet")
    await now.page.evaluate("location.hash = '#talk'")
    await expect(now.at("view-now")).to_be_hidden()
    asked: list[str] = []
    now.page.on("request", lambda request: asked.append(request.url))
    # Two seconds, in which a view that is shown would ask twice.
    await now.page.wait_for_timeout(2_000)
    # The browser fetches the icon of the page when it likes.
    assert [url for url in asked if not url.endswith("/icon.svg")] == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", PHONE)])
async def test_everybody_can_use_the_view(browser: Browser, axe: Path, scheme: str, width: int) -> None:
    source = await axe_source(axe)
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if scheme == "dark" else "light"
    )
    async with now_page(context, Figures(now=time.time() - 3_600)) as now:
        for _ in range(30):
            now.figures.turn(replace(SPOKEN_TURN, first_token=2_000.0, first_packet=2_400.0))
        await now.open()
        await expect(now.at("day-plot").locator("canvas")).to_have_count(1)
        assert await findings(now.page, source) == []
        assert await now.page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = await now.page.locator("#view-now :is(button, label)").evaluate_all(
            "(all) => all.filter((each) => each.offsetParent).map((each) => each.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 40
    await context.close()


async def test_a_turn_of_a_real_call_is_shown_and_counted(
    context: BrowserContext, tmp_path: Path, cache_dir: Path
) -> None:
    async with program("talk", folder=tmp_path, CACHE_DIR=str(cache_dir), WARN_FIRST_TOKEN_MS="0.01") as process:
        url = await page_of(process)
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_test_id("talk").click()
        await expect(page.get_by_test_id("talk")).to_contain_text("Listening", timeout=STARTED)
        # The toy model often writes a short answer in one piece. Then its speed is not known.
        await page.get_by_test_id("text").fill("Tell me a story.")
        await page.get_by_test_id("send").click()
        await page.get_by_role("link", name="Now").click()
        await expect(page.get_by_test_id("turn")).to_have_count(1, timeout=STARTED)
        await expect(page.get_by_test_id("now-state")).to_contain_text("A call is on (browser)")
        await expect(page.get_by_test_id("step-first_sound")).to_contain_text(re.compile(r"\d m?s"))
        await expect(page.get_by_test_id("turn")).to_contain_text("Typed, answered aloud · browser")
        warnings = page.get_by_test_id("now-warning")
        await expect(warnings.and_(page.locator("[data-code=first_token_ms]"))).to_contain_text("WARN_FIRST_TOKEN_MS")
        await expect(page.get_by_test_id("tokens")).to_contain_text("/s")
        async with aiohttp.ClientSession() as session, session.get(f"{url}metrics") as answer:
            text = await answer.text()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert {
            each.labels["outcome"]: each.value
            for each in families["seiyuu_turns"].samples
            if each.name.endswith("_total")
        } == {"spoken": 1.0, "written": 0.0, "interrupted": 0.0, "silent": 0.0, "failed": 0.0}
        assert "Tell me a" not in text
