"""Tests of what people are told of a server that can't be reached, with real sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest

from bot.discord_errors import discord_error_text
from bot.network_errors import network_error_text
from tests.timing import LIMIT

HOST = "127.0.0.1"


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[int]:
    """A server that gives each client these bytes, and hangs up. Yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as running:
        yield running.sockets[0].getsockname()[1]


async def ask(url: str) -> Any:
    limit = aiohttp.ClientTimeout(total=LIMIT)
    async with aiohttp.ClientSession(timeout=limit, raise_for_status=True) as session, session.get(url) as response:
        return await response.json()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "it hung up"),
        (b"SSH-2.0-OpenSSH_9\r\n", "what it answers is not HTTP"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "it answers with status 502"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "what it answers is not JSON"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
            "what it answers is not what was asked for",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
            "its answer breaks off",
        ),
    ],
)
async def test_people_are_told_how_a_server_answers_badly(answer: bytes, told: str) -> None:
    async with server(answer) as port:
        with pytest.raises((aiohttp.ClientError, ValueError)) as raised:
            await ask(f"http://{HOST}:{port}/")
    assert network_error_text(raised.value) == told


async def test_people_are_told_if_a_server_speaks_no_tls_or_does_not_listen() -> None:
    async with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        with pytest.raises(aiohttp.ClientError) as raised:
            await ask(f"https://{HOST}:{port}/")
    assert network_error_text(raised.value) == f"{HOST}:{port} does not speak TLS (https)"
    with pytest.raises(aiohttp.ClientError) as raised:
        await ask(f"http://{HOST}:{port}/")
    assert network_error_text(raised.value) == f"{HOST}:{port}: nothing listens there"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "it does not answer"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "this machine is offline"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "there is no way to that machine"),
        (aiohttp.InvalidURL("http://["), "its address can't be used"),
        (RuntimeError("Session is closed"), "something went wrong on the way"),
        (discord.LoginFailure("Improper token"), "it does not accept DISCORD_TOKEN"),
        (discord.GatewayNotFound(), "it does not say where its gateway is"),  # type: ignore[no-untyped-call]
    ],
)
def test_errors_of_any_kind_are_reported_without_the_words_of_a_library(error: Exception, told: str) -> None:
    assert discord_error_text(error) == told
