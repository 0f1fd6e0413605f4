"""However a call ends, every feature that it held back works again, and what waited is answered, once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.child import bot_process
from bot.voice.manager import CallState
from config.settings import Settings
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, make_settings, staged
from tests.e2e.talking import talk
from tests.features.talk import let_manage
from tests.lease.conftest import WorldMaker
from tests.lease.engines import running_engines
from tests.lease.features import WAITS, Feature, TextChat, World, all_features

Ending = Callable[[World], Awaitable[object]]

SHORT = {"alone_timeout": 0.4, "voiceless_timeout": 0.6}


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


async def lose_the_gateway(world: World) -> None:
    """The session can't be resumed, and the call outlives it; then it is left."""
    world.stage.sandbox.faults.drop_gateway()
    await world.stage.sandbox.bot_online()
    await leave(world)


async def lose_the_voice(world: World) -> None:
    """The speech server ends, and does not come back."""
    assert world.speech_server is not None
    await world.speech_server.stop()


@pytest.mark.parametrize(
    "end",
    [leave, leave_aloud, kick, delete_the_channel, go_away, lose_the_voice, lose_the_gateway],
)
async def test_every_feature_works_before_a_call_stands_still_in_it_and_works_after_it(
    make_world: WorldMaker, end: Ending
) -> None:
    async with make_world(**SHORT) as world:
        features = all_features()
        for feature in features:
            await feature.works(world)
        await world.stage.join()
        await tried(world, features)
        await end(world)
        await over(world)
        for feature in features:
            await feature.works(world)


async def tried(world: World, features: list[Feature]) -> None:
    """People ask for everything in a call, and no engine is asked for anything."""
    used = world.engines.used
    for feature in features:
        await feature.tried_in_a_call(world)
    await asyncio.sleep(0.3)
    assert world.engines.used == used, "an engine was asked during the call"


async def over(world: World) -> None:
    """Wait until the call is, and see that nothing is held."""
    calls = world.stage.app.calls
    await world.stage.until(lambda: calls.status().state is CallState.IDLE and not calls.status().stuck, "the end")
    assert calls.status().held == ()


async def test_whatever_will_not_be_held_all_others_work_and_there_is_no_call(
    make_world: WorldMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world() as world:
        for lockable in world.stage.app.features.lockables:
            with monkeypatch.context() as patch:
                patch.setattr(type(lockable), "hold", refuse)
                told = await world.stage.answer_to("!join", starts="❌")
            assert f"{lockable.name} could not be paused" in told
            await over(world)
        for feature in all_features():
            await feature.works(world)


async def refuse(_: object, reason: str = "") -> None:
    """A hold, or a release, that fails."""
    raise RuntimeError(f"not now, {reason}")


async def test_whatever_will_not_be_released_is_shown_and_tried_again_and_all_others_work_meanwhile(
    make_world: WorldMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world() as world:
        names = [lockable.name for lockable in world.stage.app.features.lockables]
        features = all_features()
        for lockable in world.stage.app.features.lockables:
            with monkeypatch.context() as patch:
                patch.setattr(type(lockable), "release", refuse)
                await world.stage.join()
                await leave(world)
                status = world.stage.app.calls.status()
                assert (status.held, status.stuck) == ((), (lockable.name,))
                assert lockable.name in await world.stage.answer_to("!voice-status", starts="No active")
            told = await world.stage.answer_to(f"!release {lockable.name}", starts="✅")
            assert told == f"✅ {lockable.name} works again."
        assert len(names) == len(set(names))
        for feature in features:
            await feature.works(world)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "kill -9"])
async def test_a_process_that_ends_in_a_call_leaves_nothing_held_and_no_message_unanswered(
    tmp_path: Path, cache_dir: Path, speech_server: str, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    monkeypatch.setattr("bot.features.autonomous_talk.feature.POLL", 0.05)
    async with running_engines(tmp_path) as engines, Sandbox() as sandbox:
        settings = make_settings(
            sandbox, tmp_path, cache_dir=cache_dir, tts_websocket_url=speech_server, **engines.settings
        )
        chat = TextChat()
        async with bot_process(variables(settings), tmp_path / "bot.log", lambda _: None) as process:
            await queue_messages(sandbox, chat)
            process.send_signal(end)
            await process.wait()
        async with staged(sandbox, settings) as stage:
            let_manage(sandbox, stage.ada.id)
            world = World(stage, engines, None)
            if end is signal.SIGKILL:
                assert "restarted in the middle" in await stage.told("👋")
            await over(world)
            features = all_features()
            features[0] = chat
            for feature in features:
                await feature.works(world)


def variables(settings: Settings) -> dict[str, str]:
    """Settings as the environment has them."""
    fields = settings.model_dump(exclude_unset=True)
    fields["discord_token"] = settings.discord_token.get_secret_value() if settings.discord_token else ""
    lists = {name: ",".join(value) for name, value in fields.items() if isinstance(value, tuple)}
    return {name.upper(): str(value) for name, value in (fields | lists).items() if value is not None}


async def queue_messages(sandbox: Sandbox, chat: TextChat) -> None:
    """Bea calls the bot, and writes to it in another channel."""
    bea = await sandbox.add_guest("Bea")
    await bea.join_voice(sandbox.home.lounge)
    await sandbox.bot_online(LIMIT)
    await sandbox.command_registered("join", LIMIT)
    await bea.say(sandbox.home.general, "!join")
    await bea.wait_for_message(sandbox.home.general, lambda m: m.content.startswith("🎤 Joined"), LIMIT)
    for number in (101, 102, 103):
        chat.waiting.append(f"hello {number}")
        asked = await bea.say(sandbox.home.side, f"<@{sandbox.bot_id}> {chat.waiting[-1]}")
        async with asyncio.timeout(LIMIT):
            while WAITS not in asked.reactions:
                await asyncio.sleep(0.02)
