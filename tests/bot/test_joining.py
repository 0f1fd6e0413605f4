"""Tests that an impossible call is refused before any part of it is built."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.calls import Calls
from bot.controls.volumes import Volumes
from bot.guard import JOIN_ELSEWHERE
from bot.lease import Lease
from bot.store import Store
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.discord.transport import DiscordCall
from bot.voice.manager import ALL_TAKEN, ALREADY_IN_CALL, CallManager
from bot.voice.transport import EndCause
from config.sections import CallSettings

ALREADY = ALREADY_IN_CALL.format(prefix="!")


class BuiltCall(DiscordCall):
    """A call that starts as soon as ``may_open`` is set, and ends when it is closed. At first, ``may_open`` is set."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.conversation: Any = SimpleNamespace(over=False)
        self.may_open = asyncio.Event()
        self.may_open.set()

    @property
    def channel(self) -> Any:
        return self._channel

    @property
    def prompts(self) -> Any:
        return SimpleNamespace(id=self._channel.id, channel=self._channel)

    async def check(self) -> None:
        """Accept any place."""

    async def open(self) -> None:
        await self.may_open.wait()

    async def wait_lost(self) -> EndCause:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self, cause: EndCause) -> None:
        """Do nothing."""


class Stage:
    """The calls service of a bot, and the calls that were built. If ``slow``, a new call does not start by itself."""

    def __init__(self, store: Store, settings: CallSettings) -> None:
        self.store = store
        self.built: list[BuiltCall] = []
        self.slow = False
        manager: CallManager[Call[Any]] = CallManager(Lease(), AsyncMock(), max_calls=settings.max_calls)
        self.manager = manager
        self.calls = Calls(manager, self._build, store, Volumes(store, manager), settings, AsyncMock(), "!")

    def _build(self, place: Any, _volume: float, _report: object) -> DiscordCall:
        call = BuiltCall(place.voice)
        if self.slow:
            call.may_open.clear()
        self.built.append(call)
        return call

    async def join(self, guild: int) -> DiscordCall:
        channel: Any = SimpleNamespace(id=guild, name="Lounge", guild=SimpleNamespace(id=guild, text_channels=()))
        return await self.calls.join(channel, channel, lambda _: None)


@asynccontextmanager
async def stage(folder: Path, **settings: Any) -> AsyncIterator[Stage]:
    async with Store.opened(folder / "calls.sqlite3") as store:
        made = Stage(store, CallSettings(**settings))
        try:
            yield made
        finally:
            await made.manager.close()


async def test_during_a_call_nothing_is_built_for_another_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as bot:
        await bot.join(1)
        with pytest.raises(UserError, match=ALREADY):
            await bot.join(1)
        with pytest.raises(UserError, match=JOIN_ELSEWHERE):
            await bot.join(2)
        assert len(bot.built) == 1


async def test_during_the_beginning_of_a_call_nothing_is_built_for_another_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as bot:
        bot.slow = True
        joining = asyncio.create_task(bot.join(1))
        while not bot.built:
            await asyncio.sleep(0)
        with pytest.raises(UserError, match=ALREADY):
            await bot.join(1)
        bot.built[0].may_open.set()
        await joining
        assert len(bot.built) == 1


async def test_only_one_of_several_simultaneous_requests_builds_a_call(tmp_path: Path) -> None:
    async with stage(tmp_path) as bot:
        results = await asyncio.gather(bot.join(1), bot.join(1), bot.join(2), return_exceptions=True)
        refused = sorted(str(result) for result in results if isinstance(result, UserError))
        assert refused == sorted([ALREADY, JOIN_ELSEWHERE])
        assert len(bot.built) == 1


async def test_when_a_call_is_over_the_next_one_is_built(tmp_path: Path) -> None:
    async with stage(tmp_path) as bot:
        await bot.join(1)
        await bot.calls.leave(1)
        await bot.join(2)
        assert [call.channel.guild.id for call in bot.built] == [1, 2]


async def test_nothing_is_built_if_voice_is_off(tmp_path: Path) -> None:
    async with stage(tmp_path, enabled=False) as bot:
        with pytest.raises(UserError, match="VOICE_ENABLED"):
            await bot.join(1)
        assert bot.built == []


async def test_without_the_configured_channel_nothing_is_built(tmp_path: Path) -> None:
    async with stage(tmp_path, prompt_channel="#nowhere") as bot:
        with pytest.raises(UserError, match="PROMPT_CHANNEL"):
            await bot.join(1)
        assert bot.built == []


async def test_several_servers_have_calls_of_their_own_up_to_the_limit(tmp_path: Path) -> None:
    async with stage(tmp_path, max_calls=2) as bot:
        one, two = await bot.join(1), await bot.join(2)
        assert (bot.calls.current_on(1), bot.calls.current_on(2)) == (one, two)
        assert bot.calls.prompted_in(2) is two
        assert bot.calls.seen_from(3) is None, "what is on elsewhere is no call for this server"
        with pytest.raises(UserError, match=ALREADY):
            await bot.join(1)
        with pytest.raises(UserError) as refused:
            await bot.join(3)
        assert str(refused.value) == ALL_TAKEN.format(count=2)
        assert len(bot.built) == 2
        assert [call.guild for call in await bot.store.unfinished_calls()] == [1, 2]
        with pytest.raises(UserError, match="not in a voice channel"):
            await bot.calls.leave(3)
        await bot.calls.leave(1)
        assert (bot.calls.current_on(1), bot.calls.current_on(2)) == (None, two)
        await bot.join(3)
