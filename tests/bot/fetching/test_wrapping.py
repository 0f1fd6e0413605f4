"""Tests of chunked answers that are hardly anything but wrapping (sizes and extensions), or come in small pieces."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from bot.fetching.errors import FetchError
from bot.fetching.fetcher import Fetcher, FetchLimits, FetchRequest
from tests.bot.fetching.hostile_server import HostileServer
from tests.timing import LIMIT


def _send_small_pieces(listening: socket.socket) -> None:
    with suppress(OSError):
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"6\r\nabcdef\r\n" * 5_000)


async def test_a_body_in_small_pieces_leaves_time_for_the_call(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        threads.submit(_send_small_pieces, listening)
        worked, began = time.thread_time(), time.monotonic()
        with pytest.raises(FetchError):
            url = f"http://public.test:{listening.getsockname()[1]}/"
            await fetcher.fetch(FetchRequest(url, FetchLimits(size=50_000_000, seconds=1.5)))
        # Without a limit, reading takes more than 0.9 of the processor.
        assert time.thread_time() - worked < 0.7 * (time.monotonic() - began)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WRAPPINGS = {
    "pieces of one byte": (CHUNKED, b"1\r\na\r\n" * 5_000),
    "a piece that says much about itself": (CHUNKED + b"1;", b"x" * 30_000),
    "pieces that say much about themselves": (CHUNKED, (b"5;" + b"x" * 30 + b"\r\nhello\r\n") * 500),
    "a size without an end": (CHUNKED, b"0" * 30_000),
}


@pytest.mark.parametrize(("begin", "over_and_over"), WRAPPINGS.values(), ids=WRAPPINGS)
async def test_a_stream_that_is_hardly_anything_but_wrapping_is_given_up(
    fetcher: Fetcher, public: HostileServer, begin: bytes, over_and_over: bytes
) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(over_and_over)
            await writer.drain()

    public.answers["/"] = send
    size, worked = 0, time.thread_time()
    request = FetchRequest(public.url(host="public.test"), FetchLimits(size=1, seconds=LIMIT, idle_seconds=LIMIT))
    async with fetcher.open(request) as file:
        with pytest.raises(FetchError, match="its server sends more overhead than content"):
            async for piece in file.pieces():
                size += len(piece)
    assert size < 1024**2
    # The test above allows as much processor time: 0.7 of 1.5 s.
    assert time.thread_time() - worked < 0.7 * 1.5


async def test_what_came_before_the_connection_broke_is_returned_before_the_error(
    fetcher: Fetcher, public: HostileServer
) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        # The last piece, which marks the end, is missing.
        writer.write(CHUNKED + b"1388\r\n" + b"hello" * 1_000 + b"\r\n")

    public.answers["/"] = send
    received = b""
    async with fetcher.open(FetchRequest(public.url(host="public.test"), FetchLimits(size=1, seconds=LIMIT))) as file:
        async with asyncio.timeout(LIMIT):
            # Reading begins only after the connection has broken.
            while file._response.content.exception() is None:
                await asyncio.sleep(0.001)
        with pytest.raises(FetchError, match="its answer breaks off"):
            async for piece in file.pieces():
                received += piece
    assert received == b"hello" * 1_000


async def test_small_pieces_are_no_fault(fetcher: Fetcher, public: HostileServer) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(50):
            writer.write(b"a\r\nabcdefghij\r\n" * 4_000)
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    public.answers["/"] = send
    found = await fetcher.fetch(
        FetchRequest(public.url(host="public.test"), FetchLimits(size=5_000_000, seconds=LIMIT))
    )
    assert found.body == b"abcdefghij" * 200_000
