"""A call of the real bot, ``python -m bot talk``, with its real page in a real Chromium."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, async_playwright

from audio.pcm import to_pcm16
from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.browser.recording import Recording
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG, TURN_LIMIT, next_ended
from benchmarks.spoken_microphones import ROOM_LEVEL
from benchmarks.stacked_context import StackedContext
from bot.bot_process import bot_process
from bot.voice.events import CallEvent, ReplyEnded, WebReady
from config.tasks import end_tasks
from sandbox.voice.opus import Sound

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--autoplay-policy=document-user-activation-required", "--no-sandbox", "--disable-gpu")
MICROPHONE = Path(__file__).with_name("microphone.js")
READY_LIMIT = 180.0
"""Seconds within which the bot must have loaded its engines."""
SILENCE = 0.3
"""Seconds without audible sound after which a reply counts as played."""
POLL = 0.1


class Proxy(Protocol):
    """A proxy between the page and the bot."""

    async def address_for(self, url: str) -> str:
        """The address at which the proxy serves the page at ``url``."""
        ...


class NoProxy:
    """No proxy: the page talks to the bot directly."""

    async def address_for(self, url: str) -> str:
        """The page's address itself."""
        return url


class PageCall(StackedContext):
    """The bot and its page. Use it as an async context manager, on one event loop. Entering it begins the call.

    Args:
        folder: the bot's data and log.
        settings: further settings of the bot, as environment variables.
        person: the name of the person who talks.
        proxy: a proxy between the page and the bot.

    Attributes:
        events: all events of the bot so far.
        page: the page.
        errors: what the page has written to the console as an error, and exceptions that nobody caught.
        played: what the page plays.
    """

    page: Page
    played: Recording

    def __init__(
        self, folder: Path, settings: Mapping[str, str], *, person: str = "Ada", proxy: Proxy | None = None
    ) -> None:
        self.events: list[CallEvent] = []
        self.errors: list[str] = []
        self._folder = folder
        self._settings = settings
        self._person = person
        self._proxy = proxy or NoProxy()
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Queue[ReplyEnded] = asyncio.Queue()

    async def _open(self, stack: AsyncExitStack) -> None:
        settings = {**own_folder_and_ports(self._folder), "ANSWER_TO": "always", **self._settings}
        running = bot_process(settings, self._folder / BOT_LOG, self._watch, command="talk")
        bot = await stack.enter_async_context(running)
        try:
            url = await self._proxy.address_for(await self._address(bot))
            self.page = await self._open_page(url, stack)
            await self._begin()
        except (TimeoutError, PlaywrightError) as error:
            raise MeasurementError(f"the call in the browser did not begin: {error}") from error

    async def _address(self, bot: asyncio.subprocess.Process) -> str:
        """Wait for the page's address, or until the bot ends."""
        ending = asyncio.create_task(bot.wait(), name="bot's end")
        try:
            awaited: list[asyncio.Future[Any]] = [ending, self._url]
            await asyncio.wait(awaited, timeout=READY_LIMIT, return_when=asyncio.FIRST_COMPLETED)
            if not self._url.done():
                raise MeasurementError(f"the bot did not serve its page (status {bot.returncode})")
            return self._url.result()
        finally:
            await end_tasks(ending)

    def _watch(self, event: CallEvent) -> None:
        self.events.append(event)
        match event:
            case WebReady(url):
                self._url.set_result(url)
            case ReplyEnded():
                self._ended.put_nowait(event)

    async def _open_page(self, url: str, stack: AsyncExitStack) -> Page:
        path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
        if path is None:
            raise MeasurementError("there is no Chromium (Debian: apt install chromium)")
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        stack.push_async_callback(browser.close)
        # The page's own policy would forbid the script that records.
        page = await browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        await page.add_init_script(path=MICROPHONE)
        await page.goto(url)
        return page

    async def _begin(self) -> None:
        page = self.page
        await page.evaluate("level => { benchMicrophone.roomLevel = level }", ROOM_LEVEL)
        await page.get_by_test_id("name").fill(self._person)
        await page.get_by_test_id("talk").click()
        listening = "() => document.body.dataset.phase === 'listening'"
        await page.wait_for_function(listening, timeout=1000 * READY_LIMIT)
        self.played = await Recording.start(page)

    async def say(self, words: Sound) -> float:
        """Begin to say words (48,000 Hz). Returns the time at which they begin, in seconds of the page's clock."""
        begin = await self.page.evaluate("pcm => benchMicrophone.say(pcm)", base64.b64encode(to_pcm16(words)).decode())
        return float(begin)

    async def said(self) -> None:
        """Wait until the words have been said."""
        await self.page.evaluate("benchMicrophone.said")

    async def type(self, text: str) -> None:
        """Write to the bot."""
        await self.page.get_by_test_id("text").fill(text)
        await self.page.get_by_test_id("text").press("Enter")

    async def reply_ended(self, limit: float = TURN_LIMIT) -> ReplyEnded:
        """Wait for the end of the next reply.

        Raises:
            MeasurementError: no reply ended in time.
        """
        return await next_ended(self._ended, limit)

    async def silence(self) -> float:
        """Wait until the page no longer plays anything audible. Returns the time at which the recording ends."""
        while True:
            end = await self.played.collect()
            if self.played.silent_for() >= SILENCE:
                return end
            await asyncio.sleep(POLL)

    async def heard(self, seconds: float, limit: float = TURN_LIMIT) -> None:
        """Wait until the first audible sound of the recording is ``seconds`` old.

        Raises:
            MeasurementError: there was no sound in time.
        """
        try:
            async with asyncio.timeout(limit):
                while True:
                    end, first = await self.played.collect(), self.played.audible_since(0)
                    if first is not None and end - first >= seconds:
                        return
                    await asyncio.sleep(POLL)
        except TimeoutError as error:
            raise MeasurementError(f"nothing was heard within {limit:.0f} s") from error
