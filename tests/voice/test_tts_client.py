"""The connection to the speech server, against a real WebSocket server that misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from bot.voice.tts_client import Connected, Disconnected, SegmentAudio, SpeechClient, SpeechEvent, SpeechUnavailable
from tts_server import wire

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, port: int = 0) -> AsyncIterator[tuple[Server, str]]:
    async with serve(handler, "127.0.0.1", port) as server:
        yield server, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/stream"


async def take(events: AsyncIterator[SpeechEvent], count: int) -> list[SpeechEvent]:
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


async def test_messages_go_out_and_events_come_in() -> None:
    got: list[str | bytes] = []

    async def handler(socket: ServerConnection) -> None:
        got.append(await socket.recv())
        await socket.send(wire.encode_server(wire.SegmentStart(0, "Hi.", "r1")))
        await socket.send(np.array([0.5, -0.5], "<f4").tobytes())
        await socket.send(wire.encode_server(wire.SegmentEnd(0, 2, "r1")))
        await socket.wait_closed()

    async with serving(handler) as (_, url):
        client = SpeechClient(url)
        await client.open()
        await client.send(wire.Speak("Hi.", flush=True, reply="r1"))
        start, audio, end = await take(client.events(), 3)
        assert start == wire.SegmentStart(0, "Hi.", "r1")
        assert isinstance(audio, SegmentAudio)
        assert audio.samples.tolist() == [0.5, -0.5]
        assert end == wire.SegmentEnd(0, 2, "r1")
        assert json.loads(got[0]) == {"token": "Hi.", "flush": True, "reply": "r1"}
        await client.close()


async def test_rubbish_is_dropped_and_the_connection_lives() -> None:
    async def handler(socket: ServerConnection) -> None:
        for rubbish in ("not json", "[]", '{"event": "dance"}', '{"event": "end"}', b"\0\0\0\0"):
            await socket.send(rubbish)
        await socket.send(wire.encode_server(wire.SegmentStart(0, "x", "r1")))
        await socket.send(b"\0\0\0")
        await socket.send(wire.encode_server(wire.Cancelled("r1")))
        await socket.wait_closed()

    async with serving(handler) as (_, url):
        client = SpeechClient(url)
        await client.open()
        assert await take(client.events(), 2) == [wire.SegmentStart(0, "x", "r1"), wire.Cancelled("r1")]
        await client.close()


async def test_a_server_that_goes_and_comes_back_is_told_and_found_again() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()

    client: SpeechClient
    async with serving(handler) as (server, url):
        port = server.sockets[0].getsockname()[1]
        client = SpeechClient(url)
        await client.open()
        events = client.events()
        first = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
    assert isinstance(await asyncio.wait_for(first, 10), Disconnected)
    assert not client.connected
    with pytest.raises(SpeechUnavailable):
        await client.send(wire.Speak("x"))
    async with serving(handler, port):
        assert await take(events, 1) == [Connected()]
        assert client.connected
        await client.send(wire.Speak("x"))
        await client.close()


async def test_nobody_there_is_said_with_the_address() -> None:
    client = SpeechClient("ws://127.0.0.1:9/ws/stream")
    with pytest.raises(SpeechUnavailable, match=r"127\.0\.0\.1:9"):
        await client.open()
    await client.close()


async def test_a_refused_token_is_said() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(handler, "127.0.0.1", 0, process_request=lambda c, _: c.respond(401, "no")) as server:
        client = SpeechClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", token="wrong")
        with pytest.raises(SpeechUnavailable, match="TTS_TOKEN"):
            await client.open()
        await client.close()


async def test_closing_ends_the_events() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serving(handler) as (_, url):
        client = SpeechClient(url)
        await client.open()
        listening = asyncio.create_task(anext(client.events(), None))
        await asyncio.sleep(0)
        await client.close()
        assert await asyncio.wait_for(listening, 10) is None


async def test_a_slow_consumer_makes_the_server_wait() -> None:
    sent = 0
    stuck = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.send(wire.encode_server(wire.SegmentStart(0, "x", "r1")))
        while True:
            try:
                async with asyncio.timeout(1):
                    await socket.send(bytes(96_000))
                    sent += 1
            except TimeoutError:
                stuck.set()
                return

    async with serving(handler) as (_, url):
        client = SpeechClient(url)
        await client.open()
        events = client.events()
        await take(events, 1)
        await asyncio.wait_for(stuck.wait(), 30)
        assert sent < 400, "the server could write far ahead of a consumer that does not read"
        await client.close()
