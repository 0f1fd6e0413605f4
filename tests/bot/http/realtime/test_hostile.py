"""Hostile clients of ``/v1/realtime``: a bad event is refused in words, and too many of them end the connection."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from bot.http.queued_client import MAX_ERRORS
from bot.http.realtime.sound import MAX_WAITING
from tests.bot.http.chat_house import ChatHouse, chat_house
from tests.timing import LIMIT

BAD: list[str] = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "\x00",
    5_000 * "[",
    '{"type": NaN}',
    '{"type": 1e999}',
    *(
        json.dumps(event)
        for event in (
            {},
            {"type": None},
            {"type": 5},
            {"type": ["session.update"]},
            {"type": "nothing"},
            {"type": "session.update"},
            {"type": "session.update", "session": []},
            {"type": "session.update", "session": {"type": "transcription"}},
            {"type": "session.update", "session": {"output_modalities": ["audio", "text"]}},
            {"type": "session.update", "session": {"output_modalities": [[]]}},
            {"type": "session.update", "session": {"audio": 5}},
            {"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/opus"}}}}},
            {"type": "session.update", "session": {"audio": {"input": {"format": {"type": ["audio/pcm"]}}}}},
            {"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 1}}}}},
            {"type": "session.update", "session": {"instructions": 5}},
            {"type": "session.update", "session": {"instructions": 8_001 * "x"}},
            {"type": "session.update", "session": {"tools": [{"type": "function", "name": "weather"}]}},
            {"type": "session.update", "session": {"tools": {}}},
            {"type": "session.update", "session": {"tool_choice": "required"}},
            {"type": "session.update", "session": {"voice": "alloy"}},
            {"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}},
            {"type": "session.update", "session": {"audio": {"output": {"voice": ""}}}},
            {"type": "session.update", "session": {"audio": {"output": {"voice": {"id": 5}}}}},
            {"type": "session.update", "session": {"audio": {"output": {"voice": "a\nb"}}}},
            {"type": "session.update", "session": {"audio": {"output": {"speed": 0}}}},
            {"type": "session.update", "session": {"audio": {"output": {"speed": True}}}},
            {"type": "response.create", "response": []},
            {"type": "response.create", "response": {"tools": [5]}},
            {"type": "response.create", "response": {"conversation": "none"}},
            {"type": "response.create", "response": {"input": []}},
            {"type": "response.create", "response": {"instructions": "Greet me."}},
            {"type": "session.update", "session": {"audio": {"output": {"format": {"rate": 8000}}}}},
            {"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "x"}}}}},
            {"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"create_response": False}}}}},
            {"type": "input_audio_buffer.append"},
            {"type": "input_audio_buffer.append", "audio": 5},
            {"type": "input_audio_buffer.append", "audio": "%%%"},
            {"type": "input_audio_buffer.append", "audio": "AAAA"},
            {"type": "conversation.item.create"},
            {"type": "conversation.item.create", "item": {"type": "message", "role": "system"}},
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [5]}},
            {"type": "conversation.item.create", "item": {"type": "function_call_output"}},
            {"type": "conversation.item.truncate", "item_id": 5, "audio_end_ms": 5},
            {"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": -1},
            {"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": True},
            {"type": "conversation.item.delete", "item_id": "x"},
        )
    ),
]


class Client:
    """A client that sends events over a socket, and waits for those of the server."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **event: Any) -> None:
        await self.socket.send_str(json.dumps(event))

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            message = await self.socket.receive(timeout=LIMIT)
            assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
            event: dict[str, Any] = json.loads(message.data)
            if event["type"] == kind:
                return event

    async def closed(self) -> int | None:
        while (await self.socket.receive(timeout=LIMIT)).type is aiohttp.WSMsgType.TEXT:
            pass
        return self.socket.close_code


@asynccontextmanager
async def connected(house: ChatHouse) -> AsyncIterator[Client]:
    async with house.session.ws_connect(f"http://127.0.0.1:{house.port}/v1/realtime") as socket:
        client = Client(socket)
        await client.until("session.created")
        yield client


async def test_a_call_goes_on_through_bad_events(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with connected(house) as client:
            for raw in BAD:
                await client.socket.send_str(raw)
                error = (await client.until("error"))["error"]
                assert set(error) == {"type", "code", "message", "param", "event_id"}, raw[:100]
                assert 0 < len(error["message"]) < 500
                # A good event in between: too many bad ones in a row would end the connection.
                await client.send(type="input_audio_buffer.clear")
                await client.until("input_audio_buffer.cleared")
            await client.socket.send_bytes(b"\x00" * 100)
            assert (await client.until("error"))["error"]["code"] == "invalid_event"
            await client.send(type="nothing", event_id="mine")
            assert (await client.until("error"))["error"]["event_id"] == "mine"
            content = [{"type": "input_text", "text": "Hello"}]
            await client.send(
                type="conversation.item.create", item={"type": "message", "role": "user", "content": content}
            )
            await client.send(type="response.create")
            assert (await client.until("response.done"))["response"]["status"] == "completed"
        await house.until_idle()


async def test_too_many_bad_events_end_the_connection_and_the_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with connected(house) as client:
            for _ in range(MAX_ERRORS + 1):
                await client.socket.send_str("{")
            assert await client.closed() == 1008
        await house.until_idle()


async def test_an_event_that_is_too_big_is_not_even_taken_in(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with connected(house) as client:
            await client.send(type="input_audio_buffer.append", audio=2_000_000 * "A")
            assert await client.closed() == 1009
        await house.until_idle()


async def test_only_so_much_sound_may_be_ahead_of_the_clock(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with connected(house) as client:
            second = base64.b64encode(bytes(48_000)).decode()
            ten = base64.b64encode(bytes(480_000)).decode()
            # A minute more of sound than may wait: a busy machine takes seconds to send all of it, and meanwhile some
            # becomes due.
            for _ in range(int(MAX_WAITING) // 10 + 7):
                await client.send(type="input_audio_buffer.append", audio=ten)
            assert (await client.until("error"))["error"]["code"] == "buffer_full"
            await client.send(type="input_audio_buffer.clear")
            await client.until("input_audio_buffer.cleared")
            await client.send(type="input_audio_buffer.append", audio=second)
            await client.send(type="session.update", session={})
            await client.until("session.updated")
        await house.until_idle()


async def test_a_client_that_vanishes_ends_the_call_at_once(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with connected(house) as client:
            transport = client.socket._response.connection.transport  # type: ignore[union-attr]
            assert transport is not None
            transport.abort()
        await house.until_idle()


async def test_pings_are_no_bad_events_and_a_flood_of_them_ends_the_connection(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house, connected(house) as client:
        for _ in range(2 * MAX_ERRORS):
            await client.socket.ping()
        await client.send(type="nothing")
        assert (await client.until("error"))["error"]["code"] == "unknown_type"
        closed = asyncio.create_task(client.closed())
        with suppress(ConnectionError):
            while not closed.done():
                await client.socket.ping()
                await asyncio.sleep(0)
        assert await closed == 1008
