"""Pictures and animations, read by Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import count as numbers

from PIL import Image

from bot.features.vision.budget import BrokenPictureError
from bot.features.vision.jpeg import LONG_SIDE
from bot.features.vision.sights import MAX_PIXELS

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")
_PREFIX = 16
FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are broken, or made to do harm."""


def is_picture(data: bytes) -> bool:
    """Whether a file begins as a picture does that Pillow reads for us."""
    Image.init()
    return any(accept is not None and accept(data[:_PREFIX]) for _, accept in map(Image.OPEN.__getitem__, _FORMATS))


def picture_frames(data: bytes) -> Iterator[Image.Image]:
    """The frames of a picture, each valid until the next is asked for; of a file that is cut off those that are whole.

    Raises:
        BrokenPictureError: it is too large. Besides, one of :data:`FAULTS`: nothing of it could be decoded.
    """
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise BrokenPictureError(f"{image.width} by {image.height} pixels")
        if image.format in ("JPEG", "MPO"):
            # Decoded small to begin with, which takes a fraction of the memory and the time.
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))
            yield image
            return
        for number in numbers():
            try:
                image.seek(number)
                image.load()
            except EOFError:
                if number == 0:
                    raise
                return
            except FAULTS:
                if number == 0:
                    raise
                return
            yield image
