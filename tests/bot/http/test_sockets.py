"""WebSockets: a refused one is told why in a way that a page can see, and there are not too many at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import aiohttp
import pytest
from aiohttp import WSMsgType

from bot.http.limits import MAX_SOCKETS, MAX_SOCKETS_OF_ONE
from bot.http.refusal import MAX_AT_ONCE
from tests.bot.http.web_stage import WebStage, bearer
from tests.read_sizes import noted_read_sizes
from tests.timing import LIMIT, wait_until
from web_access.socket_messages import READ_BYTES


async def refusal_of(stage: WebStage, headers: dict[str, str]) -> tuple[str, int | None]:
    """Return the code in the error message, and the close code of the socket."""
    async with asyncio.timeout(LIMIT), stage.session.ws_connect(stage.url("/ws/echo"), headers=headers) as socket:
        told = await socket.receive_json()
        assert told["type"] == "error"
        assert told["message"]
        assert (await socket.receive()).type is WSMsgType.CLOSE
        return told["code"], socket.close_code


async def test_a_refused_page_is_told_why(local: WebStage, locked: WebStage) -> None:
    assert await refusal_of(local, {"Origin": "https://evil.example"}) == ("bad_origin", 1008)
    assert await refusal_of(local, {"Host": "evil.example"}) == ("bad_host", 1008)
    assert await refusal_of(locked, {}) == ("bad_token", 1008)
    assert await refusal_of(locked, {"Origin": "https://evil.example", **bearer()}) == ("bad_origin", 1008)


async def test_what_a_refused_client_sends_is_read_in_small_pieces(
    local: WebStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Origin": "https://evil.example"}
    async with asyncio.timeout(LIMIT), local.session.ws_connect(local.url("/ws/echo"), headers=headers) as socket:
        await socket.receive_json()
        sizes = noted_read_sizes(monkeypatch)
        with suppress(ConnectionError):
            for _ in range(20_000):
                await socket.ping()
        await wait_until(lambda: sizes)
        assert max(sizes) <= READ_BYTES


async def test_the_cookie_and_the_header_open_a_socket(locked: WebStage) -> None:
    for headers in ({"Cookie": await locked.cookie()}, bearer()):
        async with locked.session.ws_connect(locked.url("/ws/echo"), headers=headers) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str(timeout=LIMIT) == "hello"


async def test_a_request_that_is_not_a_complete_websocket_upgrade_gets_an_http_error(locked: WebStage) -> None:
    answer = await locked.ask("/ws/echo", headers={"Upgrade": "websocket"})
    assert (answer.status, answer.code) == (401, "bad_token")
    answer = await locked.ask("/ws/echo", headers=bearer())
    assert answer.status == 400


async def test_the_33rd_socket_gets_503_until_another_closes(local: WebStage) -> None:
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(local.session.ws_connect(local.url("/ws/echo"))) for _ in range(MAX_SOCKETS)
        ]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await local.session.ws_connect(local.url("/ws/echo"))
        assert refused.value.status == 503
        assert refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) >= 1
        await sockets[7].close()

        async def admitted() -> bool:
            try:
                socket = await local.session.ws_connect(local.url("/ws/echo"))
            except aiohttp.WSServerHandshakeError:
                return False
            await stack.enter_async_context(socket)
            return True

        await wait_until(admitted)


async def test_one_client_of_another_machine_can_not_take_all_sockets(local: WebStage) -> None:
    async with AsyncExitStack() as stack:

        async def opened(*forwarded: str) -> bool:
            headers = {"X-Forwarded-For": ", ".join(forwarded)} if forwarded else {}
            try:
                socket = await local.session.ws_connect(local.url("/ws/echo"), headers=headers)
            except aiohttp.WSServerHandshakeError as refused:
                assert refused.status == 503
                return False
            await stack.enter_async_context(socket)
            return True

        for client in ("192.0.2.7", "2001:db8::1"):
            assert all([await opened(client) for _ in range(MAX_SOCKETS_OF_ONE)])
            assert not await opened(client)
        assert not await opened("2001:db8::2"), "an address of the same network counts as the same client"
        assert not await opened("198.51.100.1", "192.0.2.7"), "addresses that the client itself sends don't count"
        assert await opened("192.0.2.8")
        assert all([await opened() for _ in range(MAX_SOCKETS_OF_ONE + 1)]), "this machine's own programs may have more"


async def test_refused_sockets_that_stay_open_take_nobodys_place(local: WebStage) -> None:
    """Many strangers connect at once and never answer the closing. Others still get in."""
    request = (
        f"GET /ws/echo HTTP/1.1\r\nHost: 127.0.0.1:{local.port}\r\nOrigin: https://evil.example\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    connections = [await asyncio.open_connection("127.0.0.1", local.port) for _ in range(3 * MAX_AT_ONCE)]
    try:
        for _, writer in connections:
            writer.write(request)
        firsts = [await asyncio.wait_for(reader.readline(), LIMIT) for reader, _ in connections]
        assert sum(b" 101 " in line for line in firsts) <= MAX_AT_ONCE
        assert all(b" 101 " in line or b" 403 " in line for line in firsts)
        async with local.session.ws_connect(local.url("/ws/echo")) as socket:
            await socket.send_str("still here")
            assert await socket.receive_str(timeout=LIMIT) == "still here"
        for reader, writer in connections:
            writer.write(b"\x82\x85" + 9 * b"x")
            # If the server closes before it has read all bytes, the client sees a reset.
            with suppress(ConnectionResetError):
                await asyncio.wait_for(reader.read(), LIMIT)
    finally:
        for _, writer in connections:
            writer.close()
