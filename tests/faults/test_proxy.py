"""Tests of the proxy: it passes data on, holds, garbles or cuts it, and passes it on again after the fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox.tls import LocalAuthority
from tests.faults.proxy import TcpProxy, without_quotes

LINE = b'{"a": 1}\n'


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that sends back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_proxy_passes_on_holds_garbles_cuts_and_heals(echo: int) -> None:
    async with TcpProxy(echo) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(LINE)
        assert await reader.readline() == LINE
        proxy.hold()
        writer.write(LINE)
        held = asyncio.create_task(reader.readline())
        _, waiting = await asyncio.wait([held], timeout=0.1)
        assert waiting
        await proxy.heal()
        assert await held == LINE
        proxy.garble(without_quotes)
        writer.write(LINE)
        assert await reader.readline() == LINE.replace(b'"', b"'")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.readline()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.heal()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(LINE)
        writer.write_eof()
        assert await reader.read() == LINE
        writer.close()


async def test_a_proxy_before_a_server_with_tls_reads_what_is_inside() -> None:
    authority = LocalAuthority()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.server_context()) as server,
        TcpProxy(server.sockets[0].getsockname()[1], authority) as proxy,
    ):
        proxy.garble(without_quotes)
        reader, writer = await asyncio.open_connection("localhost", proxy.port, ssl=authority.client_context())
        writer.write(LINE)
        assert await reader.readline() == LINE.replace(b'"', b"'")
        writer.close()
    authority.close()
