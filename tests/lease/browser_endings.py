"""All ways in which a call in a browser can end, or fail to begin. After each, no call is on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.bot_process import bot_process
from bot.calls import CALL_IN_BROWSER
from bot.voice.call_life import CallState
from bot.voice.events import CallEvent, WebReady
from sandbox.server import Sandbox
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import ChatPage, page_at
from tests.e2e.conftest import LIMIT, make_settings, staged
from tests.features.talk import let_manage, let_own
from tests.lease.endings import SHORT, Aftermath, Ending, Means, let_messages_wait, refuse, variables
from tests.lease.engines import running_engines
from tests.lease.features import TextChat, World, all_features

AWAY = 0.4
"""Seconds that the bot waits for a lost page to come back in these tests."""
EndPage = Callable[[World, ChatPage], Awaitable[None]]


async def hang_up(_: World, page: ChatPage) -> None:
    await page.send(type="hangup")


async def hang_up_aloud(_: World, page: ChatPage) -> None:
    await page.speak(speech("Seiyuu, leave the voice channel.", ADAS_VOICE), silence=1.0)


async def close_the_tab(_: World, page: ChatPage) -> None:
    await page.end()


async def lose_the_network(_: World, page: ChatPage) -> None:
    page.vanish()


async def lose_the_voice(world: World, _: ChatPage) -> None:
    """End the speech server for good."""
    assert world.speech_server is not None
    await world.speech_server.stop()


async def leave_on_discord(world: World, page: ChatPage) -> None:
    """Try to end the call from Discord: the bot answers that the call is in a browser. Then hang up."""
    assert await world.stage.answer_to("!leave", starts="❌") == CALL_IN_BROWSER
    assert world.stage.app.manager.status().state is CallState.ACTIVE
    await hang_up(world, page)


def browser_call_ended_by(end: EndPage) -> Ending:
    """Have a call in a browser in which people try all features and no engine is used, and end it with ``end``."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        means.patch.setattr("bot.voice.browser.transport.RESUME_SECONDS", AWAY)
        async with (
            means.make_world(own_voice=end is lose_the_voice, **SHORT) as world,
            page_at(world.stage.app.web.url) as page,
        ):
            features = all_features()
            for feature in features:
                await feature.works(world)
            await page.hello()
            used = world.engines.used
            for feature in features:
                await feature.tried_in_a_call(world)
            await asyncio.sleep(0.3)
            assert world.engines.used == used, "an engine was asked during the call"
            await end(world, page)
            yield world, features

    return ended


@asynccontextmanager
async def a_hold_fails(means: Means) -> AsyncIterator[Aftermath]:
    """Each feature in turn fails to be held. Then no call begins."""
    async with means.make_world() as world, page_at(world.stage.app.web.url) as page:
        for number, lockable in enumerate(world.stage.app.core.lease.lockables, start=1):
            with means.patch.context() as patch:
                patch.setattr(lockable, "hold", refuse)
                await page.send(type="hello", audio={})
                await page.count("error", number, code="call_failed")
            assert f"{lockable.name} could not be paused" in page.all("error")[-1]["message"]
            assert world.stage.app.manager.status().held == ()
        yield world, all_features()


def process_with_a_page_ended_by(end: signal.Signals) -> Ending:
    """The process ends during a call in a browser while messages wait, and another process is started."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        async with running_engines(means.folder) as engines, Sandbox() as sandbox:
            settings = make_settings(
                sandbox, means.folder, cache_dir=means.cache, tts_websocket_url=means.speech_server, **engines.settings
            )
            chat, *others = all_features()
            assert isinstance(chat, TextChat)
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            def watch(event: CallEvent) -> None:
                if isinstance(event, WebReady) and not address.done():
                    address.set_result(event.url)

            async with bot_process(variables(settings), means.folder / "bot.log", watch) as process:
                async with asyncio.timeout(LIMIT):
                    url = await address
                async with page_at(url) as page:
                    await page.hello()
                    await let_messages_wait(sandbox, chat)
                    process.send_signal(end)
                    await process.wait()
                    if end is signal.SIGTERM:
                        assert await page.closed() == 1001
            async with staged(sandbox, settings) as stage:
                let_manage(sandbox, stage.ada.id)
                let_own(sandbox, stage.ada)
                yield World(stage, engines, None), [chat, *others]

    return ended
