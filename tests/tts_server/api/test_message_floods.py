"""Clients of the speech server's WebSockets that send without end are disconnected, and a few pings are answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp
import pytest

from tests.read_sizes import noted_read_sizes
from tests.timing import wait_until
from tests.tts_server.client import TIMEOUT, RunningServer, running
from tests.tts_server.stand_in_engines import CountingEngine
from web_access.socket_messages import MAX_BURST, READ_BYTES, TOO_MANY_MESSAGES

STREAM, TELEPHONE = "/ws/stream", "/admin/tts/ws/stream"
TEXTS = {STREAM: {"token": "Hello there.", "flush": True}, TELEPHONE: {"text": "Hello there."}}
TEXT = 40_000 * "x"
FEW = int(MAX_BURST / 2)
MANY = 100_000
"""On a machine that is not very busy, the socket is closed long before the last of these messages."""
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


async def is_spoken(socket: Socket, path: str) -> bool:
    """Whether the client's next text is spoken to its end."""
    await socket.send_json(TEXTS[path])
    sound = False
    while True:
        message = await socket.receive(timeout=TIMEOUT)
        if message.type is aiohttp.WSMsgType.TEXT:
            event = json.loads(message.data)
            if event.get("event") == "flushed" or "done" in event:
                return sound
        sound |= message.type is aiohttp.WSMsgType.BINARY


async def flood(socket: Socket, send: Callable[[], Awaitable[None]]) -> None:
    """Send messages until the server closes the socket. It has to say why."""
    reading = asyncio.create_task(_read(socket))
    with suppress(ConnectionError):
        for _ in range(MANY):
            if socket.closed:
                break
            await send()
            await asyncio.sleep(0)
    async with asyncio.timeout(TIMEOUT):
        end = await reading
    assert (end.data, end.extra) == (aiohttp.WSCloseCode.POLICY_VIOLATION, TOO_MANY_MESSAGES)


async def _read(socket: Socket) -> aiohttp.WSMessage:
    while (message := await socket.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PONG):
        pass
    return message


@pytest.mark.parametrize("path", TEXTS)
async def test_pings_are_answered_between_texts(server: RunningServer, path: str) -> None:
    async with server.session.ws_connect(server.url(path), autoping=False) as socket:
        for number in range(FEW):
            await socket.ping(str(number).encode())
        for number in range(FEW):
            answer = await socket.receive(timeout=TIMEOUT)
            assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, str(number).encode())
        assert await is_spoken(socket, path)


@pytest.mark.parametrize("path", TEXTS)
async def test_a_flood_of_pings_ends_the_connection_and_others_are_served(server: RunningServer, path: str) -> None:
    async with (
        server.session.ws_connect(server.url(path), autoping=False) as hostile,
        server.session.ws_connect(server.url(path)) as other,
    ):
        await flood(hostile, hostile.ping)
        assert await is_spoken(other, path)


@pytest.mark.parametrize("text", ["{}", '{"cancel": true}'])
async def test_a_flood_of_bad_messages_or_cancels_ends_the_connection(server: RunningServer, text: str) -> None:
    async with (
        server.session.ws_connect(server.url(STREAM)) as hostile,
        server.session.ws_connect(server.url(STREAM)) as other,
    ):
        await flood(hostile, lambda: hostile.send_str(text))
        assert await is_spoken(other, STREAM)


async def test_a_text_may_come_letter_by_letter_as_fast_as_the_client_can(server: RunningServer) -> None:
    async with server.session.ws_connect(server.url(STREAM)) as socket:
        for _ in range(2 * int(MAX_BURST)):
            await socket.send_str('{"token": "a"}')
        assert await is_spoken(socket, STREAM)


@pytest.mark.parametrize("path", TEXTS)
async def test_the_rest_of_the_server_goes_on_between_the_pieces_of_a_flood(
    server: RunningServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.session.ws_connect(server.url(path)) as socket:
        # Until the first answer, the size of what is read at once may not be set yet.
        assert await is_spoken(socket, path)
        sizes = noted_read_sizes(monkeypatch)
        for _ in range(10):
            await socket.send_str(TEXT)
        await wait_until(lambda: sum(sizes) >= 10 * len(TEXT))
        assert max(sizes) <= READ_BYTES
