"""Sessions of ``/v1/realtime`` leave nothing in memory: not their call, not their connection, not their sound."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from pathlib import Path

from bot.http.realtime import socket
from tests.bot.http.chat_house import ChatHouse, chat_house
from tests.bot.http.realtime.test_hostile import Client, connected
from tests.bot.http.realtime.test_openai_client import pieces, spoken
from tests.timing import wait_until


async def say(client: Client) -> None:
    for piece in pieces(spoken() + bytes(48_000)):
        await client.send(type="input_audio_buffer.append", audio=piece)
    await client.until("response.done")


async def type_text(client: Client) -> None:
    content = [{"type": "input_text", "text": "Good morning."}]
    await client.send(type="conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.send(type="response.create")
    await client.until("response.done")


async def break_off(client: Client) -> None:
    await client.send(type="input_audio_buffer.append", audio=pieces(spoken())[0])
    transport = client.socket._response.connection.transport  # type: ignore[union-attr]
    assert transport is not None
    transport.abort()


async def sessions(house: ChatHouse) -> list[weakref.ref[object]]:
    """Hold a session of each kind; returns references to their calls and transports."""
    parts: list[weakref.ref[object]] = []
    for act in (say, type_text, break_off):
        async with connected(house) as client:
            parts += [weakref.ref(house.call), weakref.ref(house.call.transport)]
            await act(client)
        await house.until_idle()
    house.histories.clear()
    return parts


def left_in_memory(parts: Sequence[weakref.ref[object]]) -> list[object]:
    """The calls, transports and connections that are still in memory after a full garbage collection."""
    gc.collect()
    connections = [each for each in gc.get_objects() if type(each) is socket._Connection]
    return [*connections, *(part() for part in parts if part() is not None)]


async def test_a_session_leaves_nothing_behind(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        parts = await sessions(house)
        # The handler of the last session may still end.
        await wait_until(lambda: left_in_memory(parts) == [])
