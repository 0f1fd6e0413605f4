"""The protocol between the bot and its transcriber process: frames of a JSON header and optional sound.

A frame begins with the lengths of its header and of its sound, in bytes (each 32-bit, big-endian). Then come the header
and the sound (mono float32, little-endian, 16,000 Hz).
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from audio.samples import HEARING_RATE, Sound16

MAX_HEADER = 64 * 1024
"""Maximum number of bytes of a header."""
MAX_SOUND = 4 * HEARING_RATE * 120
"""Maximum number of bytes of a sound: two minutes."""
_LENGTHS = struct.Struct(">II")
PREFIX_BYTES = _LENGTHS.size
"""Number of bytes of the two lengths."""


class FrameError(ValueError):
    """The bytes are no valid frame."""


def encode_frame(header: dict[str, Any], sound: Sound16 | None = None) -> bytes:
    """Encode a frame."""
    head = json.dumps(header).encode()
    body = b"" if sound is None else np.ascontiguousarray(sound, "<f4").tobytes()
    return _LENGTHS.pack(len(head), len(body)) + head + body


def lengths(prefix: bytes) -> tuple[int, int]:
    """Decode the first :data:`PREFIX_BYTES` bytes of a frame: the lengths of its header and of its sound, in bytes.

    Raises:
        FrameError: the lengths are not valid.
    """
    head, body = _LENGTHS.unpack(prefix)
    if head > MAX_HEADER or body > MAX_SOUND or body % 4:
        raise FrameError(f"a frame of {head} and {body} bytes")
    return head, body


def decode_frame(head: bytes, body: bytes) -> tuple[dict[str, Any], Sound16]:
    """Decode the header and the sound of a frame; raises :class:`FrameError`."""
    try:
        header = json.loads(head)
    except ValueError as error:
        raise FrameError("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is no object")
    return header, np.frombuffer(body, "<f4").astype(np.float32)
