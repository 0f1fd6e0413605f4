"""Takes pictures of the page in every state. Look at them after a change.

python -m tests.browser.pictures FOLDER [STATE …]
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.chat_server import SCRIPTS, ChatServer, Client, noise
from tests.browser.conftest import Tab, new_tab
from tests.browser.picture_command import SIZES, Scheme, take_pictures
from tests.timing import wait_until

LOUD = "() => Number(document.getElementById('level').getAttribute('aria-valuenow')) > 30"
REPLY = "It is a quarter past four in Lisbon, and the sun is out. Shall I remind you of your call at five?"


@dataclass
class Scene:
    """A tab whose call is being photographed."""

    tab: Tab
    server: ChatServer
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    def meanwhile(self, work: Coroutine[None, None, None]) -> None:
        """Do something until the picture is taken."""
        self.tasks.append(asyncio.ensure_future(work))

    async def end(self) -> None:
        """End what is done meanwhile."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def start(self) -> Client:
        await self.tab.at("talk").click()
        return await self.server.client()

    async def talking(self) -> Client:
        """A call with something said already."""
        client = await self.start()
        await client.ready()
        await client.heard("Hello Seiyuu, are you there?")
        await client.begin("1", "Hello Ada. Yes, I am here. What can I do for you?")
        await client.end("1")
        await client.heard("What time is it in Lisbon?")
        return client


async def idle(scene: Scene) -> None:
    pass


async def first_visit(scene: Scene) -> None:
    await scene.tab.page.evaluate("localStorage.clear()")
    await scene.tab.page.reload()


async def connecting(scene: Scene) -> None:
    await scene.start()


async def loading(scene: Scene) -> None:
    client = await scene.start()
    await client.got("hello")
    await client.send(type="state", state="loading", progress=0.4)


async def listening(scene: Scene) -> None:
    client = await scene.talking()
    await client.begin("2", REPLY)
    await client.end("2")
    await client.heard("Yes please, and", final=False)
    await scene.tab.page.evaluate("seiyuu.context.resume()")
    scene.meanwhile(scene.tab.say(noise(4.0), 24_000))
    await wait_until(lambda: scene.tab.page.evaluate(LOUD))


async def thinking(scene: Scene) -> None:
    client = await scene.talking()
    await client.send(type="state", state="thinking")


async def asked_first(scene: Scene) -> None:
    client = await scene.talking()
    await client.send(type="state", state="thinking")
    await client.send(type="question", question="q1", text='delete_note {"title": "Shopping list", "folder": "home"}')


async def speaking(scene: Scene) -> None:
    client = await scene.talking()
    await client.begin("2", REPLY)
    scene.meanwhile(client.play(noise(6.0)))
    await asyncio.sleep(2.8)


async def interrupted(scene: Scene) -> None:
    await speaking(scene)
    await scene.tab.at("talk").click()
    await scene.server.clients[0].end("2", "interrupted")


async def muted(scene: Scene) -> None:
    await scene.talking()
    await scene.tab.at("mute").click()


async def hold_to_talk(scene: Scene) -> None:
    await scene.tab.at("mode-push-to-talk").check()
    await scene.talking()


async def held(scene: Scene) -> None:
    await hold_to_talk(scene)
    await expect(scene.tab.at("talk")).to_have_text("Hold to talk")
    await expect(scene.tab.at("captions")).to_contain_text("in Lisbon?")
    await scene.tab.page.keyboard.down("Space")


async def written(scene: Scene) -> None:
    await scene.tab.at("text").fill("What can you do?")
    await scene.tab.at("text").press("Enter")
    await (await scene.server.client()).ready()


async def lost(scene: Scene) -> None:
    client = await scene.talking()
    await scene.server.stop()
    assert client is not None


async def not_allowed(scene: Scene) -> None:
    await scene.tab.page.evaluate("testMicrophone.fails = 'NotAllowedError'")
    await scene.tab.at("talk").click()


async def token(scene: Scene) -> None:
    scene.server.token = "secret"
    await scene.tab.at("talk").click()


async def elsewhere(scene: Scene) -> None:
    client = await scene.start()
    await client.got("hello")
    await client.close(4002)


async def taken_over(scene: Scene) -> None:
    client = await scene.talking()
    await client.close(4001)


async def insecure(scene: Scene) -> None:
    await scene.tab.open(scene.server.url.replace("127.0.0.1", "seiyuu.test"))
    await scene.tab.at("talk").click()


async def failing(scene: Scene) -> None:
    client = await scene.talking()
    message = "The model server at 127.0.0.1:11434 does not answer. Is it running?"
    await client.send(type="error", code="model", message=message)


STATES: Mapping[str, Callable[[Scene], Awaitable[None]]] = {
    scene.__name__: scene
    for scene in (
        idle,
        first_visit,
        connecting,
        loading,
        listening,
        thinking,
        asked_first,
        speaking,
        interrupted,
        muted,
        hold_to_talk,
        held,
        written,
        lost,
        not_allowed,
        token,
        elsewhere,
        taken_over,
        insecure,
        failing,
    )
}


async def take(browser: Browser, folder: Path, state: str, size: str, scheme: Scheme) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone"
    )
    await context.add_init_script(path=SCRIPTS / "microphone.js")
    async with ChatServer() as server:
        tab = await new_tab(context, server)
        await tab.open()
        await tab.page.evaluate("localStorage.setItem('seiyuu.name', 'Ada')")
        await tab.page.reload()
        scene = Scene(tab, server)
        await STATES[state](scene)
        await asyncio.sleep(0.6)
        await tab.page.screenshot(path=folder / f"{state}-{size}-{scheme}.png")
        await scene.end()
        await context.close()


if __name__ == "__main__":
    take_pictures(take, STATES, "--host-resolver-rules=MAP seiyuu.test 127.0.0.1")
