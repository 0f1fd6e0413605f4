"""A hostile page in a tab on the same machine, in a real browser: whatever it asks for, it can do nothing.

And the names of the bot's own page on which other programs rely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser.conftest import running_browser
from tests.e2e.program import logged_program, read_until, speech_port
from tests.e2e.test_page import page_of
from tests.http_server import LocalServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
STRANGER = "evil.example"
NAMES = (
    *("talk", "mute", "mic", "level", "captions", "reply", "text", "warning"),
    *("view-talk", "view-voices", "view-conversations", "view-now", "view-setup"),
)
"""Parts that the page has as soon as it is loaded, by ``data-testid``. ``record`` comes with the view of the voices."""
ATTEMPTS = """async ({bot, voice}) => {
  const told = {};
  const outcome = (promise) => promise.then((value) => value, (error) => "refused: " + error.name);
  const json = {method: "POST", headers: {"Content-Type": "text/plain"}, body: '{"message": "Hello."}'};
  for (const path of ["health", "api/setup", "api/conversations", "api/now", "metrics", "openapi.json"]) {
    told["read " + path] = await outcome(fetch(bot + path).then((answer) => answer.text()));
  }
  for (const path of ["chat", "tts", "api/setup/code", "api/setup/write", "login", "stt"]) {
    told["post " + path] = await outcome(fetch(bot + path, json).then((answer) => answer.status));
    await fetch(bot + path, {...json, mode: "no-cors"}).catch(() => null);
  }
  await fetch(voice + "v1/audio/speech", {...json, body: '{"input": "Hello."}', mode: "no-cors"}).catch(() => null);
  for (const address of [voice + "v1/voices/en/preview", bot + "api/now", bot + "v1/models"]) {
    told["picture " + address] = await new Promise((done) => {
      const picture = new Image();
      picture.onload = () => done("shown");
      picture.onerror = () => done("refused");
      picture.src = address;
    });
    told["sound " + address] = await new Promise((done) => {
      const sound = new Audio(address);
      sound.oncanplay = () => done("heard");
      sound.onerror = () => done("refused");
      sound.load();
    });
  }
  for (const path of ["ws/chat", "v1/realtime"]) {
    told["socket " + path] = await new Promise((done) => {
      const socket = new WebSocket(bot.replace("http", "ws") + path);
      socket.onclose = (event) => done("closed " + event.code);
    });
  }
  told["socket ws/stream"] = await new Promise((done) => {
    const socket = new WebSocket(voice.replace("http", "ws") + "ws/stream");
    socket.onopen = () => done("open");
    socket.onclose = () => done("refused");
  });
  return told;
}"""
FRAME_AND_FORM = """({bot}) => {
  const frame = document.createElement("iframe");
  frame.name = "frame";
  frame.src = bot;
  document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action: bot + "api/setup/code", target: "frame", enctype: "text/plain"});
  document.body.append(form);
  form.submit();
}"""


@asynccontextmanager
async def stage(folder: Path, cache_dir: Path, **settings: str) -> AsyncIterator[tuple[str, str]]:
    """The running bot: its address, and that of its speech server."""
    usual = {"CACHE_DIR": str(cache_dir), "TTS_ENGINE": "espeak"}
    async with logged_program(folder / "log", "talk", folder=folder, **usual | settings) as process:
        url = await page_of(process)
        await read_until(process, "Ready.")
        yield url, f"http://127.0.0.1:{speech_port(process)}/"


async def blank(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>A page</title>", content_type="text/html")


async def test_a_page_from_elsewhere_gets_nothing_and_changes_nothing(tmp_path: Path, cache_dir: Path) -> None:
    application = web.Application()
    application.router.add_get("/", blank)
    async with (
        stage(tmp_path, cache_dir) as (bot, voice),
        LocalServer(application) as elsewhere,
        running_browser(f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1") as browser,
    ):
        page = await browser.new_page()
        await page.goto(f"http://{STRANGER}:{elsewhere.port}/")
        told = await page.evaluate(ATTEMPTS, {"bot": bot, "voice": voice})
        assert set(told.values()) <= {"refused: TypeError", "refused", "closed 1008"}, told
        await page.evaluate(FRAME_AND_FORM, {"bot": bot})
        await expect(page.locator("iframe")).to_be_attached()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{voice}metrics") as answer:
                assert "tts_replies_total 0" in await answer.text()
            async with session.get(f"{bot}api/conversations") as answer:
                assert (await answer.json())["conversations"] == []
        await rebind(page, bot)
    log = (tmp_path / "log").read_text()
    assert "Setup code" not in log
    assert "Traceback" not in log


async def rebind(page: Page, bot: str) -> None:
    """Ask the bot under the stranger's name, which leads to this machine."""
    for path in ("", "health", "api/conversations", "api/setup"):
        answer = await page.goto(f"{bot}{path}".replace("127.0.0.1", STRANGER))
        assert answer is not None
        assert answer.status == 403
        assert "bad_host" in await answer.text()


async def test_the_page_has_the_names_that_others_rely_on(tmp_path: Path, cache_dir: Path) -> None:
    async with stage(tmp_path, cache_dir) as (bot, _), running_browser() as browser:
        page = await browser.new_page()
        await page.goto(bot)
        for name in NAMES:
            await expect(page.get_by_test_id(name)).to_have_count(1)
        await expect(page.get_by_test_id("captions")).to_have_attribute("role", "log")
        kinds = await page.evaluate("[seiyuu.context instanceof AudioContext, seiyuu.output instanceof AudioNode]")
        assert kinds == [True, True]
        await page.evaluate("location.hash = '#voices'")
        await expect(page.get_by_test_id("record")).to_have_count(1)
