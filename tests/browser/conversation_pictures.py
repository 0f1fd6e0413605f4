"""Takes pictures of the view of conversations in every state. Look at them after a change.

python -m tests.browser.conversation_pictures FOLDER [STATE …]
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.conversations_stage import STARTED, ConversationsStage, conversations_stage
from tests.browser.picture_command import SIZES, Scheme, take_pictures

State = Callable[[Page, ConversationsStage], Awaitable[None]]


async def no_conversations(page: Page, stage: ConversationsStage) -> None:
    await page.goto(stage.url)
    await expect(page.get_by_text("No conversation is kept yet.")).to_be_visible()


async def listed(page: Page, stage: ConversationsStage) -> None:
    await stage.fill()
    await page.goto(stage.url)
    await expect(page.get_by_test_id("conversation")).to_have_count(2)


async def searched(page: Page, stage: ConversationsStage) -> None:
    await listed(page, stage)
    await page.get_by_test_id("conversation-search").fill("asia water")
    await expect(page.get_by_test_id("hit")).to_have_count(1)


async def nothing_found(page: Page, stage: ConversationsStage) -> None:
    await listed(page, stage)
    await page.get_by_test_id("conversation-search").fill("quagga")
    await expect(page.get_by_test_id("conversation")).to_have_count(0)


async def opened(page: Page, stage: ConversationsStage) -> None:
    await listed(page, stage)
    await page.get_by_test_id("conversation").first.get_by_role("button").click()
    await expect(page.get_by_test_id("turn")).to_have_count(5)


async def found(page: Page, stage: ConversationsStage) -> None:
    await searched(page, stage)
    await page.get_by_test_id("conversation").first.get_by_role("button").click()
    await expect(page.get_by_test_id("turn")).to_have_count(5)


async def correcting(page: Page, stage: ConversationsStage) -> None:
    await opened(page, stage)
    await page.get_by_test_id("correct").first.click()
    await page.get_by_test_id("correction").fill("Hello Seiyuu, where do zebrafish live?")
    await page.get_by_test_id("learn").check()


async def corrected(page: Page, stage: ConversationsStage) -> None:
    await correcting(page, stage)
    await page.get_by_test_id("save").click()
    await expect(page.get_by_text("is now understood as")).to_be_visible()


async def deleting(page: Page, stage: ConversationsStage) -> None:
    await opened(page, stage)
    await page.get_by_test_id("delete").click()
    await expect(page.get_by_test_id("ask")).to_be_visible()


async def recorded(page: Page, stage: ConversationsStage) -> None:
    await asyncio.to_thread(stage.record, STARTED + 86_401)
    await opened(page, stage)
    await expect(page.get_by_test_id("recording")).to_have_count(2)


async def long(page: Page, stage: ConversationsStage) -> None:
    await stage.fill_long(450)
    await page.goto(stage.url)
    await page.get_by_test_id("conversation-search").fill("words 300")
    await page.get_by_test_id("hit").wait_for()
    await page.get_by_test_id("conversation").first.get_by_role("button").click()
    await expect(page.get_by_test_id("turns").get_by_text("words 300.")).to_be_in_viewport()


async def away(page: Page, stage: ConversationsStage) -> None:
    await listed(page, stage)
    await stage.web.server.close()
    await page.get_by_test_id("conversation-search").fill("asia")
    await expect(page.get_by_test_id("problem")).to_be_visible()


STATES: Mapping[str, State] = {
    state.__name__: state
    for state in (
        no_conversations,
        listed,
        searched,
        nothing_found,
        opened,
        found,
        correcting,
        corrected,
        deleting,
        recorded,
        long,
        away,
    )
}


async def take(browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone", timezone_id="UTC"
    )
    with tempfile.TemporaryDirectory() as data:
        async with conversations_stage(Path(data)) as stage:
            page = await context.new_page()
            await STATES[state](page, stage)
            await page.screenshot(path=folder / f"conversations-{state}-{size}-{scheme}.png")
            await context.close()


if __name__ == "__main__":
    take_pictures(take, STATES)
