"""All ways in which a phone call can end, or fail to begin, over SIP and over Twilio. After each, no call is on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bot.phone import phone_service
from bot.phone_calls import PhoneCalls
from bot.voice.events import CallBegan, Ready, WordsSpoken
from bot.voice.phone.calls_log import FILE
from bot.voice.phone.line import LineEnd
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, make_settings, staged
from tests.e2e.program import output, program, read_until
from tests.features.talk import let_manage, let_own
from tests.lease.callers import Caller, PhoneNetwork
from tests.lease.endings import SHORT, Aftermath, Ending, Means, let_messages_wait, refuse, variables
from tests.lease.engines import running_engines
from tests.lease.features import TextChat, World, all_features
from tests.voice.effects import only
from tests.voice.phone.memory_line import MemoryLine

GATHER = 0.2
"""Seconds without another key after which the keys so far are passed on, in these tests."""
KEYS = "31415926535897932384"
"""Keys that a caller presses. The model of these tests repeats them in an answer of many seconds."""
ANSWER = "You said I pressed 3 1 4"
"""How that answer begins."""
PIN = "2468"
EndPhone = Callable[[World, Caller], Awaitable[None]]
"""Ends a phone call in the middle of an answer."""


async def hang_up(_: World, caller: Caller) -> None:
    """Hang up while further keys wait to be passed on."""
    await caller.press("7")
    await caller.hang_up()


async def break_off(_: World, caller: Caller) -> None:
    await caller.break_off()


async def vanish(_: World, caller: Caller) -> None:
    """Send nothing for ten seconds."""
    caller.vanish()
    await caller.hung_up_on.wait()


async def leave_on_discord(world: World, caller: Caller) -> None:
    await world.stage.answer_to("!leave", starts="👋")
    await caller.hung_up_on.wait()


async def lose_the_voice(world: World, caller: Caller) -> None:
    """Kill the speech server for good."""
    assert world.speech_server is not None
    assert world.speech_server.pid is not None
    os.kill(world.speech_server.pid, signal.SIGKILL)
    await world.speech_server.stop()
    await caller.hung_up_on.wait()


CAUSES: Mapping[EndPhone, str] = {
    hang_up: "caller hung up",
    break_off: "connection lost",
    vanish: "no sound came",
    leave_on_discord: "command",
    lose_the_voice: "voice lost",
}
"""The causes of the ends, as the log of calls names them."""


def phone_call_ended_by(end: EndPhone, network: Callable[[], PhoneNetwork]) -> Ending:
    """Have a phone call in which people try all features and no engine is used, and end it with ``end``."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        line = network()
        means.patch.setattr("bot.voice.phone.keys.GATHER_SECONDS", GATHER)
        async with means.make_world(own_voice=end is lose_the_voice, **SHORT, **line.settings) as world:
            features = all_features()
            for feature in features:
                await feature.works(world)
            async with line.call() as caller:
                await world.stage.until(lambda: only(CallBegan, world.stage.events), "the call")
                used = world.engines.used
                for feature in features:
                    await feature.tried_in_a_call(world)
                await caller.press(KEYS)
                await world.stage.until(lambda: _answers(world), "the answer")
                # The model was asked for this answer, and no engine for anything else.
                model, *others = used
                assert world.engines.used == (model + 1, *others), "an engine was asked during the call"
                await end(world, caller)
            await _is_logged(world, line.kind, CAUSES[end])
            yield world, features

    return ended


def _answers(world: World) -> bool:
    return any(event.text.startswith(ANSWER) for event in only(WordsSpoken, world.stage.events))


def _logged(folder: Path) -> list[dict[str, Any]]:
    """The lines of the log of calls."""
    file = folder / FILE
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def _is_logged(world: World, kind: str, cause: str) -> None:
    """Wait for the end of the only phone call in the log of calls."""
    folder = world.stage.app.core.settings.data_dir
    await world.stage.until(lambda: _logged(folder), "the log of calls")
    (logged,) = _logged(folder)
    assert (logged["transport"], logged["cause"]) == (kind, cause)


def keys_are_wrong(network: Callable[[], PhoneNetwork]) -> Ending:
    """A caller presses three wrong PINs. No call begins, and nothing is held for it."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        line = network()
        async with means.make_world(phone_pin=PIN, **line.settings) as world:
            await world.stage.until(lambda: only(Ready, world.stage.events), "the bot's readiness")
            async with line.call() as caller:
                await world.stage.until(lambda: caller.heard, "the question for the PIN")
                for _ in range(3):
                    await caller.press("1357#")
                    assert world.stage.app.manager.status().held == ()
                await caller.hung_up_on.wait()
            await _is_logged(world, line.kind, "wrong PIN")
            assert only(CallBegan, world.stage.events) == []
            yield world, all_features()

    return ended


def phone_process_ended_by_sigterm(network: Callable[[], PhoneNetwork]) -> Ending:
    """The process is ended in the middle of an answer while messages wait, and another process is started."""

    @asynccontextmanager
    async def ended(means: Means) -> AsyncIterator[Aftermath]:
        line = network()
        async with running_engines(means.folder) as engines, Sandbox() as sandbox:
            chosen = {"tts_websocket_url": means.speech_server, **engines.settings, **line.settings}
            settings = make_settings(sandbox, means.folder, cache_dir=means.cache, **chosen)
            chat, *others = all_features()
            assert isinstance(chat, TextChat)
            environment = variables(settings)
            async with program("run", "--events", folder=means.folder, **environment) as process:
                await read_until(process, '"ready"')
                async with line.call() as caller:
                    await read_until(process, '"call.started"')
                    await let_messages_wait(sandbox, chat)
                    await caller.press(KEYS)
                    await read_until(process, ANSWER)
                    children = psutil.Process(process.pid).children(recursive=True)
                    process.terminate()
                    await caller.hung_up_on.wait()
                    said = await output(process)
            # After 9 s the process would have ended itself with another status.
            assert process.returncode == 0, said
            assert "Traceback" not in said
            _, alive = psutil.wait_procs(children, timeout=LIMIT)
            assert alive == []
            line.check_free()
            assert [(each["transport"], each["cause"]) for each in _logged(means.folder)] == [(line.kind, "shutdown")]
            async with staged(sandbox, settings) as stage:
                let_manage(sandbox, stage.ada.id)
                let_own(sandbox, stage.ada)
                yield World(stage, engines, None), [chat, *others]

    return ended


@asynccontextmanager
async def a_hold_fails(means: Means) -> AsyncIterator[Aftermath]:
    """Each feature in turn fails to be held. Then no call begins, and the caller hears so."""
    async with (
        means.make_world(phone_allow="*") as world,
        phone_service(world.stage.app.core, warms_up=False) as calls,
    ):
        calls.ready = True
        # Send the sentences faster than a caller could hear them. The caller's line is in memory.
        means.patch.setattr("bot.voice.phone.sentences.FRAME_SECONDS", 0.002)
        for lockable in world.stage.app.core.lease.lockables:
            with means.patch.context() as patch:
                patch.setattr(lockable, "hold", refuse)
                await _is_refused(calls)
            assert world.stage.app.manager.status().held == ()
        yield world, all_features()


async def _is_refused(calls: PhoneCalls) -> None:
    line = MemoryLine()
    await calls.answer(line)
    assert line.ended is LineEnd.BOT
    assert len(line.heard) > 8_000, "the caller hears a sentence"
