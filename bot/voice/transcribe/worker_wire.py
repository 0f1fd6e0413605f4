"""Between the bot and its transcribing process: one frame is a JSON header and, perhaps, sound."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from audio.samples import HEARING_RATE, Sound16

MAX_HEADER = 64 * 1024
MAX_SOUND = 4 * HEARING_RATE * 120
_LENGTHS = struct.Struct(">II")
PREFIX = _LENGTHS.size


class FrameError(ValueError):
    """What came is no frame."""


def encode_frame(header: dict[str, Any], sound: Sound16 | None = None) -> bytes:
    """One frame."""
    head = json.dumps(header).encode()
    body = b"" if sound is None else np.ascontiguousarray(sound, "<f4").tobytes()
    return _LENGTHS.pack(len(head), len(body)) + head + body


def lengths(prefix: bytes) -> tuple[int, int]:
    """The lengths of a frame's header and sound, in bytes; raises :class:`FrameError`."""
    head, body = _LENGTHS.unpack(prefix)
    if head > MAX_HEADER or body > MAX_SOUND or body % 4:
        raise FrameError(f"a frame of {head} and {body} bytes")
    return head, body


def decode_frame(head: bytes, body: bytes) -> tuple[dict[str, Any], Sound16]:
    """A frame's header and sound; raises :class:`FrameError`."""
    try:
        header = json.loads(head)
    except ValueError as error:
        raise FrameError("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is no object")
    return header, np.frombuffer(body, "<f4").astype(np.float32)
