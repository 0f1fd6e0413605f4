"""Tests of unpacking compressed bodies of HTTP answers: in any pieces, and up to a limit."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from bot.fetching.errors import FetchError, TooLargeError
from bot.fetching.unpacking import Unpacker

LIMIT = 1_000
TEXT = b"All the world's a stage. " * 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def unpack(encoding: str, data: bytes, *, step: int = 7, limit: int = LIMIT) -> bytes:
    unpacker = Unpacker(encoding, limit)
    for start in range(0, len(data), step):
        unpacker.add(data[start : start + step])
    return unpacker.finish()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
    ],
)
@pytest.mark.parametrize("body", [TEXT, b"", b"a" * LIMIT])
def test_a_body_is_unpacked_however_it_was_cut(encoding: str, pack: Callable[[bytes], bytes], body: bytes) -> None:
    for step in (1, 7, 10_000):
        assert unpack(encoding, pack(body), step=step) == body


@pytest.mark.parametrize(
    ("encoding", "pack"), [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)]
)
def test_one_byte_too_many_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TooLargeError, match="more than"):
        unpack(encoding, pack(b"a" * (LIMIT + 1)))


def test_a_bomb_is_refused_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(TooLargeError):
        unpack("gzip", bomb, step=len(bomb), limit=100_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, identity", "nonsense"])
def test_unknown_and_multiple_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(FetchError, match="packed"):
        Unpacker(encoding, LIMIT)


# Without a time: the processes of pytest-xdist name their tests after these bytes, and the names have to be the same.
@pytest.mark.parametrize("data", [gzip.compress(TEXT, mtime=0)[:-9], b"no gzip at all", b"\x1f\x8b"])
def test_a_broken_body_is_refused(data: bytes) -> None:
    with pytest.raises(FetchError, match="broken"):
        unpack("gzip", data)
