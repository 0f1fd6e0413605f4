"""Titles that radio stations send within their sound are taken out of it, whatever pieces the stream comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.music.station_titles import titles_every, without_titles

EVERY = 1_500
SOUND = np.random.default_rng(1).bytes(5 * EVERY + 700)
TITLES = (b"StreamTitle='One';", b"", b"StreamTitle='" + 100 * b"Two " + b"';", b"", b"t" * 255 * 16)


def sent() -> bytes:
    """What a station sends: a title, or an empty one, after every :data:`EVERY` bytes of sound."""
    data = b""
    for number, title in enumerate(TITLES):
        blocks = -(-len(title) // 16)
        data += SOUND[number * EVERY :][:EVERY] + bytes((blocks,)) + title.ljust(16 * blocks, b"\0")
    return data + SOUND[len(TITLES) * EVERY :]


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 7, 16, 1_499, 1_500, 1_501, 65_536])
async def test_the_sound_alone_is_left(size: int) -> None:
    pieces = [piece async for piece in without_titles(in_pieces(sent(), size), EVERY)]
    assert b"".join(pieces) == SOUND
    assert b"" not in pieces


@pytest.mark.parametrize("stated", ["", "0", "-1", "1", "1023", "many", "9" * 5_000, "1048577", "8192.5"])
def test_if_the_station_does_not_say_where_titles_come_nothing_is_taken_out(stated: str) -> None:
    assert titles_every({"icy-metaint": stated}) is None
    assert titles_every({}) is None
    assert titles_every({"icy-metaint": " 8192"}) == 8_192
