"""The page as the bot itself serves it: with its headers, its token and its calls. Its models are toys."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.conftest import errors_of
from tests.e2e.program import program
from tests.e2e.test_page import page_of

pytestmark = pytest.mark.browser
SECRET = "correct horse"
WRONG = "401 (Unauthorized)"
STARTED = 60_000
"""Longest wait for the start of a call, in milliseconds."""


async def test_a_person_signs_in_and_talks(context: BrowserContext, tmp_path: Path, cache_dir: Path) -> None:
    settings = {"WEB_TOKEN": SECRET, "CACHE_DIR": str(cache_dir)}
    async with program("talk", folder=tmp_path, **settings) as process:
        page = await context.new_page()
        errors = errors_of(page)
        await page.goto(await page_of(process))
        await page.get_by_test_id("talk").click()
        await page.get_by_test_id("token").fill("wrong")
        await page.get_by_test_id("token").press("Enter")
        await expect(page.get_by_text("That is not the token.")).to_be_visible()
        assert [error for error in errors if WRONG not in error] == []
        errors.clear()
        await page.get_by_test_id("token").fill(SECRET)
        await page.get_by_test_id("token").press("Enter")
        await expect(page.get_by_test_id("login")).to_be_hidden()
        await expect(page.get_by_test_id("talk")).to_contain_text("Listening", timeout=STARTED)
        await page.get_by_test_id("text").fill("How are you?")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("captions")).to_contain_text("I'm doing fine", timeout=STARTED)
        assert await page.evaluate("document.cookie") == "", "no script reads the cookie"
        assert SECRET not in page.url
        await page.reload()
        await page.get_by_test_id("talk").click()
        await expect(page.get_by_test_id("talk")).to_contain_text("Listening", timeout=STARTED)
        # The call has gone on, and what was said in it is shown again.
        await expect(page.get_by_test_id("captions")).to_contain_text("How are you?")
        assert errors == []
