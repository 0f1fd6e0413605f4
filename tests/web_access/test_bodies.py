"""Tests of reading bodies of HTTP messages up to a limit."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from web_access.bodies import BodyTooLargeError, read_beginning, read_body


def body_in_pieces(*pieces: bytes) -> StreamReader:
    """A body whose pieces come one after another, each in another turn of the event loop."""
    loop = asyncio.get_running_loop()
    content = StreamReader(Mock(BaseProtocol, _reading_paused=False), 2**16, loop=loop)

    def come(number: int = 0) -> None:
        if number < len(pieces):
            content.feed_data(pieces[number])
            loop.call_soon(come, number + 1)
        else:
            content.feed_eof()

    loop.call_soon(come)
    return content


async def test_a_body_that_comes_in_pieces_is_read_to_its_end() -> None:
    assert await read_body(body_in_pieces(b"He", b"l", b"lo"), 5) == b"Hello"
    assert await read_beginning(body_in_pieces(b"He", b"l", b"lo"), 100) == b"Hello"
    assert await read_body(body_in_pieces(), 0) == b""


async def test_a_body_that_is_too_large_is_refused_or_cut() -> None:
    with pytest.raises(BodyTooLargeError, match="more than 4 bytes"):
        await read_body(body_in_pieces(b"He", b"l", b"lo"), 4)
    assert await read_beginning(body_in_pieces(b"He", b"l", b"lo"), 4) == b"Hell"
    assert await read_beginning(body_in_pieces(b"He"), 0) == b""
