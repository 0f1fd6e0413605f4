"""The view of stored conversations: list, search, correction, export, deletion, recordings; no barriers (axe-core)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.bot.http.web_stage import SECRET
from tests.browser import conversation_pictures
from tests.browser.conftest import errors_of
from tests.browser.conversations_stage import DATABASE, STARTED, ConversationsStage, conversations_stage
from tests.browser.picture_command import SIZES
from tests.browser.test_looks import axe_source, findings

pytestmark = pytest.mark.browser
CHECKED = ("listed", "searched", "correcting", "deleting", "recorded")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ConversationsStage]:
    async with conversations_stage(tmp_path) as stage:
        yield stage


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A tab. A test fails if the page reports an error."""
    page = await context.new_page()
    errors = errors_of(page)
    yield page
    assert errors == []


def turn(page: Page, number: int) -> Locator:
    return page.locator(f'[data-testid="turn"][data-number="{number}"]')


async def open_newest(page: Page, stage: ConversationsStage) -> None:
    await page.goto(stage.url)
    await page.get_by_test_id("conversation").first.get_by_role("button").click()
    await page.get_by_test_id("turn").first.wait_for()


async def test_conversations_are_listed_searched_and_opened(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await page.goto(stage.url)
    await expect(page.get_by_text("sees the conversations of all servers")).to_be_visible()
    entries = page.get_by_test_id("conversation")
    await expect(entries).to_have_count(2)
    await expect(entries.first).to_contain_text("Ada and Ben")
    await expect(entries.first).to_contain_text("Hello sea you, where do zebrafish live?")
    await expect(entries.last).to_contain_text("Text chat, general")
    await page.get_by_test_id("conversation-search").fill("ASIA")
    await expect(entries).to_have_count(1)
    await expect(page.get_by_test_id("hit")).to_contain_text("Mia: In slow streams of South Asia")
    await expect(page.get_by_test_id("hit").locator("mark")).to_have_text("Asia")
    await entries.first.get_by_role("button").press("Enter")
    await expect(page.get_by_test_id("turn")).to_have_count(5)
    await expect(turn(page, 2)).to_contain_text("Interrupted here")
    await expect(turn(page, 4)).not_to_contain_text("Interrupted here")
    await expect(turn(page, 2)).to_be_in_viewport()
    await page.get_by_test_id("back").click()
    await expect(entries.first.get_by_role("button")).to_be_focused()


async def test_a_transcript_is_corrected_and_the_ears_learn_from_it(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await open_newest(page, stage)
    await turn(page, 1).get_by_test_id("correct").click()
    await page.get_by_test_id("correction").fill("Something else")
    await page.get_by_test_id("correction").press("Escape")
    await expect(turn(page, 1)).to_contain_text("Hello sea you")
    await turn(page, 1).get_by_test_id("correct").click()
    await page.get_by_test_id("correction").fill("Hello Seiyuu, where do zebrafish live?")
    await page.get_by_test_id("learn").check()
    await page.get_by_test_id("save").click()
    await expect(turn(page, 1)).to_contain_text("“sea you” is now understood as “Seiyuu”")
    assert stage.corrections.apply("Do sea you hear me?") == "Do Seiyuu hear me?"
    await expect(turn(page, 2).get_by_test_id("correct")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_test_id("conversation").first).to_contain_text("Hello Seiyuu")


async def test_what_was_typed_is_corrected_without_the_question_whether_the_ears_learn_from_it(
    page: Page, stage: ConversationsStage
) -> None:
    await stage.fill()
    await open_newest(page, stage)
    await turn(page, 5).get_by_test_id("correct").click()
    await page.get_by_test_id("correction").fill("And the zebras?")
    await expect(page.get_by_test_id("learn")).to_have_count(0)
    await page.get_by_test_id("save").click()
    await expect(turn(page, 5)).to_contain_text("And the zebras?")
    await expect(turn(page, 5)).to_contain_text("Corrected.")


async def test_dates_are_written_in_the_language_of_the_page(browser: Browser, stage: ConversationsStage) -> None:
    await stage.fill()
    for locale, zone in (("de-DE", "Europe/Berlin"), ("ar-EG", "Africa/Cairo"), ("en-US", "UTC")):
        context = await browser.new_context(locale=locale, timezone_id=zone)
        page = await context.new_page()
        await page.goto(stage.url)
        hour = "12" if zone == "UTC" else "13" if zone == "Europe/Berlin" else "14"
        when = page.get_by_test_id("conversation").first.locator(".when")
        await expect(when).to_have_text(re.compile(rf"^Sun,? 1 Feb 2026, {hour}:00 · 1 minute$"))
        await page.get_by_test_id("conversation").first.get_by_role("button").click()
        await expect(turn(page, 2).locator(".at")).to_have_text(f"{hour}:00:03")
        await context.close()


async def test_a_conversation_is_saved_as_markdown_and_json(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await open_newest(page, stage)
    saved = {}
    for form in ("markdown", "json"):
        async with page.expect_download() as download:
            await page.get_by_test_id(f"export-{form}").click()
        file = await download.value
        saved[file.suggested_filename] = await asyncio.to_thread((await file.path()).read_text, "utf-8")
    assert saved["conversation-2.md"].startswith("# Conversation in Lounge\n")
    assert json.loads(saved["conversation-2.json"])["turns"][0]["text"] == "Hello sea you, where do zebrafish live?"


async def test_a_conversation_is_deleted_after_one_question(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await open_newest(page, stage)
    await page.get_by_test_id("delete").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("ask")).to_have_count(0)
    await page.get_by_test_id("delete").click()
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("conversation")).to_have_count(1)
    await expect(page.get_by_test_id("conversation")).to_contain_text("Which colours")
    for file in await asyncio.to_thread(lambda: list(stage.folder.glob(f"{DATABASE}*"))):
        assert b"zebrafish" not in await asyncio.to_thread(file.read_bytes)


async def test_a_long_conversation_comes_in_pages_around_the_words_that_were_found(
    page: Page, stage: ConversationsStage
) -> None:
    await stage.fill_long(450)
    await page.goto(stage.url)
    await page.get_by_test_id("conversation-search").fill("words 240.")
    await page.get_by_test_id("hit").wait_for()
    await page.get_by_test_id("conversation").get_by_role("button").click()
    await expect(turn(page, 240)).to_be_in_viewport()
    await page.get_by_role("button", name="Show earlier turns").click()
    await expect(turn(page, 20)).to_be_attached()
    await page.get_by_role("button", name="Show earlier turns").click()
    await expect(turn(page, 1)).to_be_attached()
    await expect(page.get_by_role("button", name="Show earlier turns")).to_be_hidden()
    await page.get_by_role("button", name="Show later turns").click()
    await expect(page.get_by_test_id("turn")).to_have_count(450)
    await expect(page.get_by_role("button", name="Show later turns")).to_be_hidden()
    numbers = await page.get_by_test_id("turn").evaluate_all(
        "turns => turns.map((each) => Number(each.dataset.number))"
    )
    assert numbers == list(range(1, 451))


async def test_a_recording_of_the_call_is_played(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await asyncio.to_thread(stage.record, STARTED + 86_401)
    await open_newest(page, stage)
    players = page.get_by_test_id("recording")
    await expect(players).to_have_count(2)
    await expect(page.get_by_text("Ada, from")).to_be_visible()
    seconds = await players.first.evaluate(
        "player => new Promise((resolve, reject) => {"
        "player.onloadedmetadata = () => resolve(player.duration); player.onerror = reject; player.load(); "
        "player.preload = 'auto';})"
    )
    assert seconds == pytest.approx(1.0, abs=0.01)


async def test_the_token_is_asked_for_in_the_view(context: BrowserContext, tmp_path: Path) -> None:
    async with conversations_stage(tmp_path, SECRET) as stage:
        await stage.fill()
        page = await context.new_page()
        await page.goto(stage.url)
        await page.get_by_test_id("sign-in").get_by_label("Token").fill(SECRET)
        await page.get_by_test_id("sign-in").get_by_label("Token").press("Enter")
        await expect(page.get_by_test_id("conversation")).to_have_count(2)


async def test_axe_finds_no_barrier_in_the_view(browser: Browser, axe: Path, tmp_path: Path) -> None:
    source = await axe_source(axe)
    for number, state in enumerate(CHECKED):
        dark = number % 2 == 1
        width, height = SIZES["phone" if dark else "wide"]
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        folder = tmp_path / state
        await asyncio.to_thread(folder.mkdir)
        async with conversations_stage(folder) as stage:
            page = await context.new_page()
            await conversation_pictures.STATES[state](page, stage)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await findings(page, source) == [], state
            await context.close()
