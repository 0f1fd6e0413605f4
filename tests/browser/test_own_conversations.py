"""A stored conversation of the whole program, on its page, from the list to its deletion. Model and ears are toys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import BrowserContext, expect

from bot.operator_files import CORRECTIONS_FILE
from sandbox.speech import GUEST_VOICES, speech
from tests.e2e.program import program
from tests.e2e.test_api import form, wav
from tests.e2e.test_page import page_of
from tests.file_contents import files_with

pytestmark = pytest.mark.browser
STARTED = 60_000
"""Longest wait for the start of a call, in milliseconds."""
SAID = "How are you?"
SECRET = "zebrafish"


@pytest.mark.timeout(180)
async def test_a_conversation_is_listed_corrected_learned_from_and_deleted_from_the_disk(
    context: BrowserContext, tmp_path: Path, cache_dir: Path
) -> None:
    data = tmp_path / "data"
    settings = {"CACHE_DIR": str(cache_dir), "DATA_DIR": str(data)}
    async with (
        program("talk", folder=tmp_path, TTS_ENGINE="espeak", **settings) as process,
        aiohttp.ClientSession() as session,
    ):
        url = await page_of(process)
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_test_id("text").fill(f"{SAID} {SECRET}")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("captions")).to_contain_text(SECRET, timeout=STARTED)
        await expect(page.locator(".line.answer")).to_have_count(1, timeout=STARTED)
        await page.get_by_test_id("hangup").click()
        await expect(page.get_by_test_id("talk")).to_contain_text("Start talking", timeout=STARTED)

        await page.get_by_role("link", name="Conversations").click()
        await page.get_by_test_id("conversation-search").fill(SECRET.upper())
        await expect(page.get_by_test_id("hit")).to_contain_text(SECRET)
        assert await asyncio.to_thread(files_with, data, SECRET) != set()
        await page.get_by_test_id("conversation").get_by_role("button").click()
        await page.get_by_test_id("correct").first.click()
        await page.get_by_test_id("correction").fill(f"How is Seiyuu? {SECRET}")
        await page.get_by_test_id("learn").check()
        await page.get_by_test_id("save").click()
        await expect(page.get_by_test_id("turn").first).to_contain_text("Corrected.")

        # Without the correction, the ears hear exactly the question that is asked.
        asked = wav(await asyncio.to_thread(speech, SAID, GUEST_VOICES["Ada"]))
        async with session.post(f"{url}stt", data=form(asked)) as answer:
            assert (await answer.json())["text"] == "How is Seiyuu?"
        learned = data / CORRECTIONS_FILE
        assert '"are you": "is Seiyuu"' in await asyncio.to_thread(learned.read_text)
        assert learned.stat().st_mode & 0o077 == 0, "only its owner reads what people said"

        await page.get_by_test_id("delete").click()
        await page.get_by_test_id("ask-yes").click()
        await expect(page.get_by_text("Nobody has said that.")).to_be_visible()
        assert await asyncio.to_thread(files_with, data, SECRET) == set()
