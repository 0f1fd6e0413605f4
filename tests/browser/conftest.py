"""Fixtures of the tests in a browser."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from audio.samples import Samples
from tests.browser.chat_server import SCRIPTS, ChatServer
from tests.browser.recording import Recording

AXE = Path(__file__).with_name("axe")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 60_000
"""Milliseconds that a test waits at most for what the page shows, so that a broken test ends."""
ARGUMENTS = ("--autoplay-policy=document-user-activation-required", "--no-sandbox", "--disable-gpu")


def pytest_configure() -> None:
    """Let all expectations wait for as long as everything else. Playwright's own limit is 5 s."""
    expect.set_options(timeout=LIMIT)


@dataclass
class Tab:
    """One tab with the page.

    Attributes:
        errors: what :func:`errors_of` has collected of this page.
    """

    page: Page
    server: ChatServer
    errors: list[str]

    def at(self, name: str) -> Locator:
        """The element with a ``data-testid``."""
        return self.page.get_by_test_id(name)

    async def open(self, url: str | None = None) -> None:
        await self.page.goto(url or self.server.url)

    async def say(self, sound: Samples, rate: int) -> None:
        """Play sound into the microphone, and wait for its end."""
        await self.page.evaluate("([samples, rate]) => testMicrophone.play(samples, rate)", [sound.tolist(), rate])

    async def record(self) -> Recording:
        """Record what is heard from now on. A call has to be on."""
        return await Recording.begin(self.page)

    async def underruns(self) -> int:
        return int(await self.page.evaluate("seiyuu.speaker.stats.underruns"))


def program() -> str:
    """The path of the browser. The test is skipped if there is none."""
    path = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    return path


@asynccontextmanager
async def running_browser(*arguments: str) -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    path = program()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for axe-core. The test is skipped if npm is missing."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("axe")
    shutil.copy(AXE / "package.json", folder)
    return folder


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest.fixture
async def server() -> AsyncIterator[ChatServer]:
    async with ChatServer() as server:
        yield server


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(path=SCRIPTS / "microphone.js")
    yield context
    await context.close()


@pytest.fixture
async def tab(context: BrowserContext, server: ChatServer) -> AsyncIterator[Tab]:
    """The page, open. A test fails if the page reports an error that the test does not expect."""
    tab = await new_tab(context, server)
    await tab.open()
    yield tab
    assert tab.errors == []


async def new_tab(context: BrowserContext, server: ChatServer) -> Tab:
    page = await context.new_page()
    page.set_default_timeout(LIMIT)
    return Tab(page, server, errors_of(page))


def errors_of(page: Page) -> list[str]:
    """The errors that the page writes to the console from now on, and exceptions that nobody catches."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
