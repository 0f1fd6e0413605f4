"""A stored conversation of the whole program, on its page, from the list to its deletion. Model and ears are toys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import soxr
from playwright.async_api import BrowserContext, expect

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from bot.operator_files import CORRECTIONS_FILE
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.opus import Sound
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
        sound = await asyncio.to_thread(speech, SAID, GUEST_VOICES["Ada"])
        await say_in_a_call(session, url, sound)
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_test_id("text").fill(f"What is a {SECRET}?")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("captions")).to_contain_text(SECRET, timeout=STARTED)
        await expect(page.locator(".line.answer")).to_have_count(1, timeout=STARTED)
        await page.get_by_test_id("hangup").click()
        await expect(page.get_by_test_id("talk")).to_contain_text("Start talking", timeout=STARTED)

        await page.get_by_role("link", name="Conversations").click()
        await page.get_by_test_id("conversation-search").fill(SECRET.upper())
        await expect(page.get_by_test_id("hit")).to_contain_text(SECRET)
        assert await asyncio.to_thread(files_with, data, SECRET) != set()
        await page.get_by_test_id("conversation-search").fill(SAID)
        await expect(page.get_by_test_id("hit")).to_contain_text(SAID)
        await page.get_by_test_id("conversation").get_by_role("button").click()
        await page.get_by_test_id("correct").first.click()
        await page.get_by_test_id("correction").fill("How is Seiyuu?")
        await page.get_by_test_id("learn").check()
        await page.get_by_test_id("save").click()
        await expect(page.get_by_test_id("turn").first).to_contain_text("Corrected.")

        # Without the correction, the ears hear exactly the question that is asked.
        async with session.post(f"{url}stt", data=form(wav(sound))) as answer:
            assert (await answer.json())["text"] == "How is Seiyuu?"
        learned = data / CORRECTIONS_FILE
        assert '"are you": "is Seiyuu"' in await asyncio.to_thread(learned.read_text)
        assert learned.stat().st_mode & 0o077 == 0, "only its owner reads what people said"

        await page.get_by_test_id("back").click()
        await page.get_by_test_id("conversation-search").fill(SECRET)
        await expect(page.get_by_test_id("hit")).to_contain_text(SECRET)
        await page.get_by_test_id("conversation").get_by_role("button").click()
        await page.get_by_test_id("delete").click()
        await page.get_by_test_id("ask-yes").click()
        await expect(page.get_by_text("Nobody has said that.")).to_be_visible()
        assert await asyncio.to_thread(files_with, data, SECRET) == set()


async def say_in_a_call(session: aiohttp.ClientSession, url: str, sound: Sound) -> None:
    """Hold a call as Ada in which this speech (48,000 Hz) is heard and answered."""
    async with session.ws_connect(f"{url}ws/chat") as socket:
        await socket.send_json({"type": "hello", "name": "Ada", "audio": {}})
        await until(socket, "ready")
        await socket.send_bytes(to_pcm16(soxr.resample(sound, 48_000, HEARING_RATE)))
        assert (await until(socket, "transcription", final=True))["text"] == SAID
        await until(socket, "audio_end")
        await socket.send_json({"type": "hangup"})
        await until(socket, "state", state="idle")


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str, **fields: Any) -> dict[str, Any]:
    """Wait for the next message of this kind with these fields."""
    wanted = {"type": kind, **fields}
    async for message in socket:
        told: dict[str, Any] = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
        if wanted.items() <= told.items():
            return told
    raise AssertionError(f"the socket was closed before {wanted}")
