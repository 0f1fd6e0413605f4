"""All ways in which a call can end, or fail to begin. After each, no call is on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from bot.bot_process import bot_process
from config.settings import Settings
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, make_settings, staged
from tests.e2e.talking import talk
from tests.features.talk import let_manage, let_own
from tests.lease.engines import running_engines
from tests.lease.features import WAITS, Feature, TextChat, World, all_features

SHORT = {"alone_timeout": 0.4, "voiceless_timeout": 0.6}


class WorldMaker(Protocol):
    """Starts a world. Keyword arguments are settings, by field name.

    Args:
        own_voice: whether the world has a speech server of its own, which a test may end.
    """

    def __call__(self, *, own_voice: bool = ..., **settings: Any) -> AbstractAsyncContextManager[World]: ...


@dataclass(frozen=True, slots=True)
class Means:
    """The means to an ending: what it needs in order to begin a call and to end it."""

    make_world: WorldMaker
    folder: Path
    cache: Path
    speech_server: str
    patch: pytest.MonkeyPatch


Aftermath = tuple[World, list[Feature]]
"""The world after the call, and the features that were tried in the call."""
Ending = Callable[[Means], AbstractAsyncContextManager[Aftermath]]


async def leave(world: World) -> None:
    await world.stage.answer_to("!leave", starts="👋")


async def leave_aloud(world: World) -> None:
    await talk(world.stage.ada, "Seiyuu, leave the voice channel.")


async def kick(world: World) -> None:
    await world.stage.sandbox.faults.kick_from_voice(world.stage.sandbox.bot)


async def delete_the_channel(world: World) -> None:
    await world.stage.sandbox.faults.delete_channel(world.stage.sandbox.home.lounge)


async def go_away(world: World) -> None:
    await world.stage.ada.leave_voice()


async def lose_the_voice(world: World) -> None:
    """End the speech server for good."""
    assert world.speech_server is not None
    await world.speech_server.stop()


async def lose_the_gateway(world: World) -> None:
    """End the gateway session so that it can't be resumed. The call goes on. Afterwards, Ada ends it."""
    world.stage.sandbox.faults.cut_gateway_and_forget_sessions()
    await world.stage.sandbox.bot_online()
    await leave(world)


def call_ended_by(end: Callable[[World], Awaitable[None]]) -> Ending:
    """Have a call in which people try all features and no engine is used, and end it with ``end``."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        async with means.make_world(own_voice=end is lose_the_voice, **SHORT) as world:
            features = all_features()
            for feature in features:
                await feature.works(world)
            await world.stage.join()
            used = world.engines.used
            for feature in features:
                await feature.tried_in_a_call(world)
            await asyncio.sleep(0.3)
            assert world.engines.used == used, "an engine was asked during the call"
            await end(world)
            yield world, features

    return ended


@asynccontextmanager
async def a_hold_fails(means: Means) -> AsyncIterator[Aftermath]:
    """Each feature in turn fails to be held. Then no call begins."""
    async with means.make_world() as world:
        for lockable in world.stage.app.core.lease.lockables:
            with means.patch.context() as patch:
                patch.setattr(lockable, "hold", refuse)
                told = await world.stage.answer_to("!join", starts="❌")
            assert f"{lockable.name} could not be paused" in told
            assert world.stage.app.calls.status().held == ()
        yield world, all_features()


@asynccontextmanager
async def a_release_fails(means: Means) -> AsyncIterator[Aftermath]:
    """Each feature in turn fails to be released. The others are released, and an operator releases this one."""
    async with means.make_world() as world:
        for lockable in world.stage.app.core.lease.lockables:
            with means.patch.context() as patch:
                patch.setattr(lockable, "release", refuse)
                await world.stage.join()
                await leave(world)
                status = world.stage.app.calls.status()
                assert (status.held, status.stuck) == ((), (lockable.name,))
                assert lockable.name in await world.stage.answer_to("!voice-status", starts="No active")
            told = await world.stage.answer_to(f"!release {lockable.name}", starts="✅")
            assert told == f"✅ {lockable.name} works again."
        yield world, all_features()


async def refuse(reason: str = "") -> None:
    raise RuntimeError(f"not now, {reason}")


def process_ended_by(end: signal.Signals) -> Ending:
    """The process ends during a call while messages wait, and another process is started."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        async with running_engines(means.folder) as engines, Sandbox() as sandbox:
            settings = make_settings(
                sandbox, means.folder, cache_dir=means.cache, tts_websocket_url=means.speech_server, **engines.settings
            )
            chat, *others = all_features()
            assert isinstance(chat, TextChat)
            async with bot_process(variables(settings), means.folder / "bot.log", lambda _: None) as process:
                await _join(sandbox)
                await let_messages_wait(sandbox, chat)
                process.send_signal(end)
                await process.wait()
            async with staged(sandbox, settings) as stage:
                let_manage(sandbox, stage.ada.id)
                let_own(sandbox, stage.ada)
                if end is signal.SIGKILL:
                    assert "restarted in the middle" in await stage.told("👋")
                yield World(stage, engines, None), [chat, *others]

    return ended


def variables(settings: Settings) -> dict[str, str]:
    """Settings as environment variables."""
    usual = {name: each.get_default(call_default_factory=True) for name, each in settings.settings().items()}
    fields = {name: value for name, value in settings.values().items() if value != usual[name]}
    lists = {name: ",".join(value) for name, value in fields.items() if isinstance(value, tuple)}
    secrets = {name: value.get_secret_value() for name, value in fields.items() if isinstance(value, SecretStr)}
    return {name.upper(): str(value) for name, value in (fields | lists | secrets).items() if value is not None}


async def _join(sandbox: Sandbox) -> None:
    """Ben starts a call."""
    ben = await sandbox.add_guest("Ben")
    await ben.join_voice(sandbox.home.lounge)
    await sandbox.bot_online(LIMIT)
    await sandbox.command_registered("join", LIMIT)
    await ben.say(sandbox.home.general, "!join")
    await ben.wait_for_message(sandbox.home.general, lambda m: m.content.startswith("🎤 Joined"), LIMIT)


async def let_messages_wait(sandbox: Sandbox, chat: TextChat) -> None:
    """Bea writes to the bot in a channel that is not the call's."""
    bea = await sandbox.add_guest("Bea")
    for number in (101, 102, 103):
        chat.waiting.append(f"hello {number}")
        asked = await bea.say(sandbox.home.side, f"<@{sandbox.bot_id}> {chat.waiting[-1]}")
        async with asyncio.timeout(LIMIT):
            while WAITS not in asked.reactions:
                await asyncio.sleep(0.02)
