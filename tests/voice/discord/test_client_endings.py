"""Tests of the end of a voice connection: it is quick, and no thread and no task is left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.timing import LIMIT, quickest, wait_until
from tests.voice.discord.voice_house import GUILD, House

Readers = Callable[[], list[threading.Thread]]


@pytest.fixture
def readers() -> Readers:
    """The threads that read voice sockets, except for those that earlier tests of this process have left."""
    others = set(threading.enumerate())

    def new() -> list[threading.Thread]:
        named = (thread for thread in threading.enumerate() if thread.name.startswith("voice-socket-reader"))
        return [thread for thread in named if thread not in others]

    return new


async def test_no_reader_thread_is_left_after_a_leave(house: House, readers: Readers) -> None:
    for _ in range(5):
        client = await house.join()
        assert len(readers()) == 1
        healthy = [client.healthy]
        await client.abandon()
        assert [*healthy, client.healthy] == [True, False]
        assert readers() == []


async def test_leaving_is_quick_although_messages_arrive(house: House) -> None:
    async def leaving() -> float:
        listener = await house.listener()
        client = await house.join()
        await wait_until(lambda: client.end_to_end_encrypted)
        await listener.close()
        began = time.monotonic()
        await client.abandon()
        return time.monotonic() - began

    # aiohttp would wait for 10 s.
    assert await quickest(leaving, 2.0) < 2.0


def own_tasks() -> set[str]:
    """The names of discord.py's tasks for voice connections that are running."""
    return {task.get_name() for task in asyncio.all_tasks()} & {"Voice websocket poller", "Voice connector"}


@pytest.mark.parametrize("reconnecting", [False, True], ids=["at once", "while it reconnects"])
async def test_no_task_is_left_if_the_voice_server_changes_as_the_bot_leaves(house: House, reconnecting: bool) -> None:
    client = await house.join()
    assert own_tasks() == {"Voice websocket poller"}
    house.silent = True
    update = {"guild_id": str(GUILD), "token": "another", "endpoint": house.server.endpoint}
    await client.on_voice_server_update(cast(Any, update))
    if reconnecting:
        async with asyncio.timeout(LIMIT):
            await house.asked.wait()
    await client.disconnect(force=True)
    assert own_tasks() == set()


async def test_leaving_waits_for_no_confirmation_where_there_is_no_connection_to_discord(
    house: House, readers: Readers
) -> None:
    client = await house.join()
    house.guild.away, house.gateway.open = True, False
    async with asyncio.timeout(LIMIT / 4):
        await client.disconnect(force=True)
    assert own_tasks() == set()
    assert readers() == []


async def test_a_task_that_discord_py_has_forgotten_ends_with_the_connection(house: House) -> None:
    client = await house.join()
    # Two changes one after another: discord.py cancels its first task and starts others.
    for token in ("another", "a third"):
        update = {"guild_id": str(GUILD), "token": token, "endpoint": house.server.endpoint}
        await client.on_voice_server_update(cast(Any, update))
    await client.disconnect(force=True)
    assert own_tasks() == set()


async def test_a_client_that_never_connected_leaves_no_reader(house: House, readers: Readers) -> None:
    house.guild.admit = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
    joining = asyncio.create_task(house.join())
    await wait_until(lambda: len(readers()) == 1)
    joining.cancel()
    await asyncio.wait([joining])
    await house.clients[0].abandon()
    assert readers() == []


async def test_a_removal_by_others_is_reported_and_the_bots_own_leaving_is_not(house: House) -> None:
    told: list[str] = []
    client = await house.join()
    client.on_removed = lambda: told.append("kicked")
    await client.disconnect(force=True)
    assert told == []
    client = await house.join()
    client.on_removed = lambda: told.append("kicked")
    await house.guild.expel()
    await wait_until(lambda: told == ["kicked"] and not client.healthy)
