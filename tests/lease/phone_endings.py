"""All ways in which a phone call can end, or fail to begin. After each, no call is on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.phone import phone_service
from bot.phone_calls import PhoneCalls
from bot.voice.manager import CallState
from bot.voice.phone.line import LineEnd
from bot.voice.transport import EndCause
from tests.lease.endings import SHORT, Aftermath, Ending, Tools, refuse
from tests.lease.features import World, all_features
from tests.tones import silence
from tests.voice.phone.memory_line import MemoryLine

SILENT = 1.0
"""Seconds without a packet after which a phone call ends in these tests."""
EndPhone = Callable[[World, MemoryLine, "asyncio.Task[None]"], Awaitable[None]]
"""Ends a phone call. It gets the line, and the task that sends the caller's silence."""


async def hang_up(_: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    line.end()


async def lose_the_line(_: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    line.end(LineEnd.LOST)


async def vanish(_: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    """Send nothing more, and don't hang up either."""
    sending.cancel()


async def leave_on_discord(world: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    await world.stage.answer_to("!leave", starts="👋")


async def lose_the_voice(world: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    """End the speech server for good."""
    assert world.speech_server is not None
    await world.speech_server.stop()


async def be_switched_off(world: World, line: MemoryLine, sending: asyncio.Task[None]) -> None:
    """End the call as SIGTERM does."""
    await world.stage.app.manager.end(EndCause.SHUTDOWN)


async def _send_silence(line: MemoryLine) -> None:
    while line.ended is None:
        await line.speak(silence(0.2))


def phone_call_ended_by(end: EndPhone) -> Ending:
    """Have a phone call in which people try all features and no engine is used, and end it with ``end``."""

    @asynccontextmanager
    async def ended(tools: Tools) -> AsyncIterator[Aftermath]:
        async with (
            tools.make_world(own_voice=end is lose_the_voice, phone_allow="*", **SHORT) as world,
            phone_service(world.stage.app.core, warms_up=False) as calls,
        ):
            calls.ready = True
            features = all_features()
            for feature in features:
                await feature.works(world)
            line = MemoryLine()
            answering = asyncio.create_task(calls.answer(line))
            sending = asyncio.create_task(_send_silence(line))
            await world.stage.until(lambda: world.stage.app.manager.status().state is CallState.ACTIVE, "the call")
            used = world.engines.used
            for feature in features:
                await feature.tried_in_a_call(world)
            await asyncio.sleep(0.3)
            assert world.engines.used == used, "an engine was asked during the call"
            tools.patch.setattr("bot.voice.phone.transport.SILENCE_LIMIT", SILENT)
            await end(world, line, sending)
            await answering
            await asyncio.gather(sending, return_exceptions=True)
            assert line.ended is not None
            yield world, features

    return ended


@asynccontextmanager
async def a_hold_fails(tools: Tools) -> AsyncIterator[Aftermath]:
    """Each feature in turn fails to be held. Then no call begins, and the caller hears so."""
    async with (
        tools.make_world(phone_allow="*") as world,
        phone_service(world.stage.app.core, warms_up=False) as calls,
    ):
        calls.ready = True
        for lockable in world.stage.app.core.lease.lockables:
            with tools.patch.context() as patch:
                patch.setattr(lockable, "hold", refuse)
                await _is_refused(calls)
            assert world.stage.app.manager.status().held == ()
        yield world, all_features()


async def _is_refused(calls: PhoneCalls) -> None:
    line = MemoryLine()
    await calls.answer(line)
    assert line.ended is LineEnd.BOT
    assert len(line.heard) > 8_000, "a sentence"
