"""The weight of the page, the origins of its files, the sizes of its parts, and its accessibility (axe-core)."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests import npm
from tests.browser.chat_server import PAGE, SCRIPTS, ChatServer
from tests.browser.conftest import Tab, new_tab
from tests.browser.picture_command import SIZES
from tests.browser.pictures import STATES, Scene
from tests.timing import wait_until

pytestmark = pytest.mark.browser
MAX_BYTES = 300_000
CHECKED = ("first_visit", "connecting", "listening", "speaking", "muted", "held", "token", "elsewhere", "not_allowed")
PLACES = """
() => Object.fromEntries([".controls", ".conversation", ".captions", ".volume", "#me"].map(
  (name) => [name.slice(1), document.querySelector(name).getBoundingClientRect().toJSON()]))
"""
"""The places of the page's parts."""
OUTSIDE = """
async () => {
  const { label } = await import("/talk/wording.js");
  const usual = { progress: 0.4, canSound: true, hears: true, muted: false, mode: "open", talking: false };
  const states = ["idle", "connecting", "reconnecting", "loading", "listening", "thinking", "speaking"].map(
    (phase) => ({ ...usual, phase })
  );
  for (const change of [{ hears: false }, { muted: true }, { mode: "push-to-talk" }]) {
    states.push({ ...usual, phase: "listening", ...change });
  }
  const text = document.getElementById("talk-label");
  const button = document.getElementById("talk").getBoundingClientRect();
  const radius = button.width / 2;
  const range = document.createRange();
  const corners = ({ left, right, top, bottom }) => [left, right].flatMap((x) => [top, bottom].map((y) => [x, y]));
  const inside = ([x, y]) => Math.hypot(x - button.left - radius, y - button.top - radius) <= radius - RING;
  return states.map(label).filter((words) => {
    text.textContent = words;
    range.selectNodeContents(text);
    return ![...range.getClientRects()].flatMap(corners).every(inside);
  });
}
""".replace("RING", "4")
"""The labels of the large button that reach into its ring, which is 4 pixels wide, or beyond it."""
HEADER = """
() => [...document.querySelectorAll("#persona, #views a, .volume, #me")].map((each) => {
  const { left, right } = each.getBoundingClientRect();
  return [left, right];
})
"""
"""Left and right edges of the parts of the header, in pixels."""
LINES = 64
"""Height, in pixels, that the text "What you and Seiyuu say is written here." needs."""
SMALLEST = 40
"""Smallest height, in pixels, of what a finger has to hit on a phone."""


async def axe_source(folder: Path) -> str:
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not await asyncio.to_thread(source.exists) and (failure := await npm.install(folder)) is not None:
        pytest.skip(f"npm could not install axe-core: {failure}")
    return await asyncio.to_thread(source.read_text, "utf-8")


async def findings(page: Page, source: str) -> list[str]:
    """The faults that axe-core finds."""
    await page.evaluate(source)
    # Something that is fading in does not have its final contrast yet, and words and states of a call may begin to fade
    # in at any moment. Where people want no motion, nothing fades in.
    await page.emulate_media(reduced_motion="reduce")
    found: list[dict[str, Any]] = await page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['impact']}: {each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_barrier_for_people_with_disabilities(
    browser: Browser, axe: Path, scheme: Literal["light", "dark"]
) -> None:
    source = await axe_source(axe)
    width, height = SIZES["phone" if scheme == "dark" else "wide"]
    for state in CHECKED:
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        await context.add_init_script(path=SCRIPTS / "microphone.js")
        async with ChatServer() as server:
            tab = await new_tab(context, server)
            await tab.open()
            await STATES[state](scene := Scene(tab, server))
            assert await findings(tab.page, source) == [], state
            await scene.end()
            await context.close()


def test_the_files_of_the_page_have_300_kilobytes_at_most() -> None:
    sizes = {file.relative_to(PAGE).as_posix(): file.stat().st_size for file in PAGE.rglob("*") if file.is_file()}
    assert sum(sizes.values()) <= MAX_BYTES, sizes


async def test_every_file_of_the_page_comes_from_its_own_server_and_is_used(tab: Tab) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    await tab.page.reload()
    await tab.at("talk").click()
    await tab.server.call()
    await expect(tab.at("talk")).to_have_text("Listening")
    for link in await tab.page.locator("#views a").all():
        await link.click()
        await expect(link).to_have_attribute("aria-current", "page")
        # A view that is left before its modules have come is not shown, and asks for none of its other files.
        view = str(await link.get_attribute("href")).replace("#", "#view-")
        await expect(tab.page.locator(f"{view} > *").first).to_be_visible()
    files = {file.relative_to(PAGE).as_posix() for file in PAGE.rglob("*") if file.is_file()}
    # A browser without a window does not ask for the manifest of an application, and nobody asks for licences.
    files = {file for file in files if file != "manifest.webmanifest" and "LICENSE" not in file}
    await wait_until(lambda: files <= tab.server.served.keys())
    assert [url for url in asked if not url.startswith((tab.server.url, f"ws://127.0.0.1:{tab.server.port}/"))] == []
    # The stand-in server has no API for the views to ask.
    tab.errors.clear()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (844, 390)])
async def test_a_phone_shows_all_without_scrolling(
    browser: Browser, server: ChatServer, width: int, height: int
) -> None:
    size: ViewportSize = {"width": width, "height": height}
    context = await browser.new_context(viewport=size, has_touch=True, is_mobile=True)
    await context.add_init_script(path=SCRIPTS / "microphone.js")
    tab = await new_tab(context, server)
    await tab.open()
    await tab.at("talk").tap()
    await server.call()
    await expect(tab.at("talk")).to_have_text("Listening")
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("persona", "volume", "talk", "mute", "mic", "hangup", "text", "send", "captions"):
        box = await tab.at(name).bounding_box()
        assert box is not None, name
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, name
        assert box["y"] + box["height"] <= height, name
        assert box["height"] >= SMALLEST, name
    assert tab.errors == []


@pytest.mark.parametrize("state", ["not_allowed", "elsewhere", "failing", "lost", "taken_over", "listening"])
async def test_on_a_phone_nothing_covers_the_conversation_and_the_name_stands_in_the_first_line(
    browser: Browser, state: str
) -> None:
    for size in (ViewportSize(width=390, height=844), ViewportSize(width=360, height=740)):
        context = await browser.new_context(viewport=size, has_touch=True, is_mobile=True)
        await context.add_init_script(path=SCRIPTS / "microphone.js")
        async with ChatServer() as server:
            tab = await new_tab(context, server)
            await tab.open()
            await tab.page.evaluate("localStorage.setItem('seiyuu.name', 'Ada')")
            await tab.page.reload()
            await STATES[state](scene := Scene(tab, server))
            await expect(tab.page.locator("#me")).to_have_text("Ada")
            places: dict[str, dict[str, float]] = await tab.page.evaluate(PLACES)
            assert places["controls"]["bottom"] <= places["conversation"]["top"], (state, size)
            assert places["me"]["top"] < places["volume"]["bottom"], (state, size)
            assert places["captions"]["height"] >= LINES, (state, size)
            await scene.end()
            await context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (844, 390)])
async def test_every_label_of_the_large_button_stands_within_its_ring(tab: Tab, width: int, height: int) -> None:
    await tab.page.set_viewport_size(ViewportSize(width=width, height=height))
    assert await tab.page.evaluate(OUTSIDE) == []


async def test_the_controls_of_a_call_stand_in_one_row_of_a_usual_window(tab: Tab) -> None:
    await STATES["thinking"](scene := Scene(tab, tab.server))
    await expect(tab.at("hangup")).to_have_text("End call")
    places = [await tab.at(name).bounding_box() for name in ("mute", "mic", "hangup")]
    assert len({(place["y"], place["height"]) for place in places if place is not None}) == 1, places
    await scene.end()


@pytest.mark.parametrize("width", [821, 844, 980, 1280])
async def test_nothing_in_the_header_of_a_call_covers_anything_else(tab: Tab, width: int) -> None:
    await tab.page.evaluate("localStorage.setItem('seiyuu.name', 'Ada')")
    await tab.page.set_viewport_size(ViewportSize(width=width, height=600))
    await tab.page.reload()
    await STATES["thinking"](scene := Scene(tab, tab.server))
    await expect(tab.at("persona")).to_be_visible()
    await expect(tab.page.locator("#me")).to_have_text("Ada")
    edges: list[tuple[float, float]] = await tab.page.evaluate(HEADER)
    assert [(left, after) for (_, left), (after, _) in pairwise(edges) if left > after] == []
    assert edges[-1][1] <= width
    await scene.end()


async def test_all_names_that_other_programs_rely_on_are_there(tab: Tab) -> None:
    names = ("talk", "mute", "mic", "level", "captions", "reply", "text", "view-talk", "warning")
    assert {name: await tab.at(name).count() for name in names} == dict.fromkeys(names, 1)
    await expect(tab.at("captions")).to_have_attribute("role", "log")
    await expect(tab.at("warning")).to_be_hidden()
    assert await tab.page.evaluate("seiyuu.context instanceof AudioContext && seiyuu.output instanceof AudioNode")
