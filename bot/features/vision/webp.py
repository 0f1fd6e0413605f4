"""Animated WebP taken apart: FFmpeg decodes still WebP only, so each frame is made a still of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ANIMATED, _ALPHA = 0x02, 0x10
_OVERWRITE, _CLEAR_AFTERWARDS = 0x02, 0x01
_HEADER = 12
_FRAME_HEADER = 16


class BrokenWebpError(ValueError):
    """The file is not what it says it is."""


@dataclass(frozen=True, slots=True)
class WebpFrame:
    """One frame, and where on the canvas it goes, in pixels.

    ``overwrites`` says that it replaces what is below instead of being blended with it, ``clears`` that its place is
    made transparent again after it was shown.
    """

    x: int
    y: int
    width: int
    height: int
    overwrites: bool
    clears: bool
    still: bytes


def is_animated(data: bytes) -> bool:
    """Whether a WebP file has frames."""
    return data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & _ANIMATED)


def canvas_size(data: bytes) -> tuple[int, int]:
    """Width and height of an animated file.

    Raises:
        BrokenWebpError: it ends too early.
    """
    if len(data) < 30:
        raise BrokenWebpError("it ends too early")
    return _uint24(data, 24) + 1, _uint24(data, 27) + 1


def read_frames(data: bytes) -> Iterator[WebpFrame]:
    """The frames of an animated file, in order; a file that is cut off has as many as are whole.

    Raises:
        BrokenWebpError: a frame lies outside the canvas.
    """
    width, height = canvas_size(data)
    for name, body in _chunks(data, _HEADER):
        if name == b"ANMF" and len(body) > _FRAME_HEADER:
            frame = _frame(body)
            if frame.x + frame.width > width or frame.y + frame.height > height:
                raise BrokenWebpError("a frame lies outside the picture")
            yield frame


def _frame(body: bytes) -> WebpFrame:
    width, height = _uint24(body, 6) + 1, _uint24(body, 9) + 1
    flags = body[15]
    chunks = dict(_chunks(body, _FRAME_HEADER))
    parts: list[tuple[bytes, bytes]] = [(name, chunks[name]) for name in (b"ALPH", b"VP8 ", b"VP8L") if name in chunks]
    if b"ALPH" in chunks:
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        parts.insert(0, (b"VP8X", bytes([_ALPHA, 0, 0, 0]) + size))
    still = b"WEBP" + b"".join(_chunk(name, part) for name, part in parts)
    return WebpFrame(
        _uint24(body, 0) * 2,
        _uint24(body, 3) * 2,
        width,
        height,
        bool(flags & _OVERWRITE),
        bool(flags & _CLEAR_AFTERWARDS),
        _chunk(b"RIFF", still),
    )


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        if at + 8 + size > len(data):
            return
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
