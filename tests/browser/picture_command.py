"""The command line of the scripts that take pictures of the page: FOLDER [STATE …]. They take each state for a wide
window and a phone, light and dark.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol

from playwright.async_api import Browser

from tests.browser.conftest import running_browser

Scheme = Literal["light", "dark"]
SIZES = {"wide": (1280, 800), "phone": (390, 844)}
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")


class Take(Protocol):
    """Takes the pictures of one state."""

    async def __call__(self, browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None: ...


def take_pictures(take: Take, states: Iterable[str], *browser_options: str) -> None:
    """Take pictures of the states that the command line names; of all ``states`` if it names none."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(take, folder, sys.argv[2:] or list(states), browser_options))


async def _take_all(take: Take, folder: Path, states: Iterable[str], browser_options: Iterable[str]) -> None:
    async with running_browser(*browser_options) as browser:
        for state in states:
            for size in SIZES:
                for scheme in SCHEMES:
                    await take(browser, folder, state, size, scheme)
