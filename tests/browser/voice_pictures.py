"""Takes pictures of the view of the voices in every state. Look at them after a change.

python -m tests.browser.voice_pictures FOLDER [STATE …]
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from playwright.async_api import Browser, FilePayload, Page, expect

from bot.http.page import Page as PageFiles
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.browser.picture_command import SIZES, Scheme, take_pictures
from tests.tts_server.stand_in_engines import CountingEngine
from tests.tts_server.voices.sounds import good_files
from tts_server.engines.base import SpeechEngine
from tts_server.engines.stand_in import StandInEngine
from wire.presets import COMMON_FILE, Presets

State = Callable[[Page, ApiStage], Awaitable[None]]


async def usual(page: Page, stage: ApiStage) -> None:
    await page.goto(f"{stage.web.server.url}#voices")
    await expect(page.get_by_test_id("chosen-voice")).not_to_be_empty()


async def chosen(page: Page, stage: ApiStage) -> None:
    await usual(page, stage)
    await page.get_by_test_id("preset-energetic").check()
    await page.get_by_test_id("slider-pitch_shift").fill("2")
    await expect(page.get_by_test_id("voices-status")).to_contain_text("Stored")


async def file_chosen(page: Page, stage: ApiStage) -> None:
    await usual(page, stage)
    file: FilePayload = {"name": "Ada.wav", "mimeType": "audio/wav", "buffer": good_files()["wav"]}
    await page.get_by_test_id("voice-file").set_input_files(file)
    await page.get_by_test_id("new-voice").fill("Ada")
    await expect(page.get_by_test_id("save-voice")).to_be_visible()


async def agreeing(page: Page, stage: ApiStage) -> None:
    await file_chosen(page, stage)
    await page.get_by_test_id("save-voice").click()
    await expect(page.get_by_test_id("ask")).to_be_visible()


async def made(page: Page, stage: ApiStage) -> None:
    await agreeing(page, stage)
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("voice-ada")).to_be_visible()


async def deleting(page: Page, stage: ApiStage) -> None:
    await made(page, stage)
    await page.get_by_test_id("voice-ada").get_by_test_id("delete").click()
    await expect(page.get_by_test_id("ask")).to_be_visible()


async def nameless(page: Page, stage: ApiStage) -> None:
    await usual(page, stage)
    await page.get_by_test_id("record").click()
    await expect(page.get_by_test_id("recorder-problem")).not_to_be_empty()


async def away(page: Page, stage: ApiStage) -> None:
    await usual(page, stage)
    await stage.voices.server.http.stop()
    await page.evaluate("location.hash = '#now'")
    await page.evaluate("location.hash = '#voices'")
    await expect(page.get_by_test_id("problem")).to_be_visible()


STATES: Mapping[str, State] = {
    state.__name__: state for state in (usual, chosen, file_chosen, agreeing, made, deleting, nameless, away)
}
CAN_NOT_CLONE = "cannot_clone"
"""The state "made" with an engine that can't speak with recorded voices."""


def counting_engine(*_: object, **__: object) -> SpeechEngine:
    return CountingEngine()


async def take(browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None:
    """Take pictures of the top and the end of the view."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone"
    )
    presets = Presets.read(COMMON_FILE)
    engine = counting_engine if state == CAN_NOT_CLONE else StandInEngine
    with tempfile.TemporaryDirectory() as data:
        async with api_stage(Path(data), engine=engine, page=PageFiles.load(), presets=presets) as stage:
            page = await context.new_page()
            await STATES.get(state, made)(page, stage)
            for place, at in (("end", 99_999), ("top", 0)):
                await page.evaluate("(at) => document.getElementById('view-voices').scrollTo(0, at)", at)
                await page.screenshot(path=folder / f"voices-{state}-{place}-{size}-{scheme}.png")
            await context.close()


if __name__ == "__main__":
    take_pictures(take, [*STATES, CAN_NOT_CLONE])
