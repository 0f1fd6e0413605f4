"""The doctor's result for the voice channel that the bot joins by itself: it is there, gone, or closed to the bot."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.autojoin.records import AutoJoinRecords, Choice
from bot.check_result import CheckResult
from bot.database import Database
from bot.database.schema import FILE
from bot.doctor.autojoin import check_autojoin
from sandbox.server import Sandbox
from sandbox.world.entities import ChannelKind, Overwrite
from sandbox.world.permissions import Permission
from tests.e2e.conftest import make_settings


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


async def check(sandbox: Sandbox, folder: Path, **settings: Any) -> CheckResult:
    return await check_autojoin(make_settings(sandbox, folder, **settings))


async def choose(sandbox: Sandbox, folder: Path, channel: int | None = None, server: int | None = None) -> None:
    home = sandbox.home
    async with Database.opened(folder / FILE) as database:
        chosen = Choice(server or home.guild.id, channel or home.lounge.id, home.general.id, None, None)
        await AutoJoinRecords(database).store(chosen)


async def test_without_a_chosen_channel_there_is_no_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await check(sandbox, tmp_path) == CheckResult(
        "Coming by itself", None, "no server has chosen a channel with `!autojoin`"
    )
    with closing(sqlite3.connect(tmp_path / FILE)) as older:
        older.execute("CREATE TABLE setting (name TEXT, value TEXT)")
    assert (await check(sandbox, tmp_path)).good is None, "a database of an earlier version is no finding either"


async def test_a_channel_that_may_be_entered_is_a_good_result(sandbox: Sandbox, tmp_path: Path) -> None:
    await choose(sandbox, tmp_path)
    result = await check(sandbox, tmp_path, autojoin_channels="lounge")
    assert result == CheckResult("Coming by itself", True, "1 server has chosen a channel")
    assert (
        await check(sandbox, tmp_path, voice_enabled=False)
    ).text == "1 server has chosen a channel, but calls are off"


def delete(sandbox: Sandbox) -> None:
    sandbox.world.delete_channel(sandbox.home.lounge)


def close(sandbox: Sandbox) -> None:
    shut = Overwrite(sandbox.home.guild.id, is_member=False, deny=Permission.CONNECT)
    sandbox.world.directory.set_overwrite(sandbox.home.lounge, shut)


@pytest.mark.parametrize(
    ("change", "told"),
    [(delete, "has chosen is gone; `!autojoin CHANNEL`"), (close, "I'm not allowed to: connect in #Lounge")],
)
async def test_a_channel_that_is_gone_or_closed_is_a_finding(
    change: Callable[[Sandbox], None], told: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    await choose(sandbox, tmp_path)
    change(sandbox)
    result = await check(sandbox, tmp_path)
    assert result.good is False
    assert told in result.text
    assert sandbox.home.guild.name in result.text


async def test_a_channel_that_the_operator_does_not_allow_is_a_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    await choose(sandbox, tmp_path)
    sandbox.world.directory.add_channel(sandbox.home.guild, "games", ChannelKind.VOICE)
    result = await check(sandbox, tmp_path, autojoin_channels="#Games")
    assert result.good is False
    assert "AUTOJOIN_CHANNELS does not name #Lounge" in result.text


async def test_names_that_no_channel_has_are_a_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    result = await check(sandbox, tmp_path, autojoin_channels="Lounge,Lonuge,general")
    assert result.good is False
    assert "no server has a voice channel Lonuge" in result.text
    assert "no server has a voice channel general" in result.text
    assert "voice channel Lounge" not in result.text


async def test_a_server_that_the_bot_has_left_is_no_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    await choose(sandbox, tmp_path, server=1)
    assert (await check(sandbox, tmp_path)).good


async def test_a_discord_that_does_not_answer_is_no_finding(sandbox: Sandbox, tmp_path: Path) -> None:
    await choose(sandbox, tmp_path)
    result = await check(sandbox, tmp_path, discord_token="not.a.token")
    assert result.good is None
    assert "Discord can't be asked" in result.text
    assert (await check(sandbox, tmp_path, discord_token=None)).good is None
