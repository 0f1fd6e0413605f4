"""Takes pictures of the view Setup, with scripted answers. Look at them after a change.

python -m tests.browser.setup_pictures FOLDER
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Route, expect

from tests.browser.chat_server import ChatServer
from tests.browser.conftest import Tab, new_tab
from tests.browser.picture_command import SIZES, Scheme, take_pictures

ANSWERS: Mapping[str, Any] = {
    "api/setup": {
        "writable": True,
        "values": {"LLM_MODEL": "llama3.1", "TTS_ENGINE": "openai"},
        "secrets": ["DISCORD_TOKEN"],
        "keys": {"openai": "OPENAI_API_KEY"},
    },
    "api/setup/doctor": {
        "good": False,
        "findings": [
            {"subject": "Python", "good": True, "text": "3.11.7 (3.11 and 3.12 are supported)"},
            {"subject": "Model", "good": None, "text": "smollm2-135m in llama.cpp\n  My mind is a small one"},
            {"subject": "Ears", "good": False, "text": "damaged. Remedy: python -m bot models repair"},
        ],
    },
    "api/setup/test": {"subject": "Model", "good": True, "text": "first word after 220 ms", "models": ["qwen3"]},
    "api/setup/code": {},
}


async def filled_in(tab: Tab) -> None:
    """Open the view, look at everything, test a model, and ask for the code."""
    for path, body in ANSWERS.items():
        await tab.page.route(f"**/{path}", answer(body))
    await tab.open(f"{tab.server.url}#setup")
    await tab.at("examine").click()
    await tab.at("LLM_MODEL").fill("qwen3")
    await tab.at("test-mind").click()
    await expect(tab.at("result-mind")).to_contain_text("first word")
    await tab.at("write").click()
    await expect(tab.at("code")).to_be_visible()


def answer(body: Any) -> Callable[[Route], Coroutine[Any, Any, None]]:
    """A handler of a request that answers it with ``body`` in JSON."""
    return lambda route: route.fulfill(json=body)


async def take(browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None:
    """Take pictures of the top and the end of the view."""
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    async with ChatServer() as server:
        tab = await new_tab(context, server)
        await STATES[state](tab)
        for place, at in (("end", 99_999), ("top", 0)):
            await tab.page.evaluate("(at) => document.getElementById('view-setup').scrollTo(0, at)", at)
            await tab.page.screenshot(path=folder / f"setup-{state}-{place}-{size}-{scheme}.png")
        await context.close()


STATES = {filled_in.__name__: filled_in}

if __name__ == "__main__":
    take_pictures(take, STATES)
