"""Decodes untrusted pictures with Pillow, and turns them into small, upright JPEGs."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator, Sequence
from itertools import count as numbers

from PIL import Image, ImageOps

MAX_PIXELS = 72_000_000
"""A picture with more pixels is refused. Pillow's own limit is higher. A phone's photograph has 12 to 64 million."""
LONG_SIDE = 768
"""Maximum number of pixels of the longer side of a JPEG made here. A vision model would see little more detail in a
larger one."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")
"""Pillow's names of the formats that the bot decodes."""
DECODE_ERRORS = (
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
"""Exceptions that Pillow raises for broken or malicious files."""
_PREFIX = 16
"""Number of first bytes by which Pillow recognises a format."""
_QUALITY = 88
"""JPEG quality."""
_WHITE = (255, 255, 255, 255)
_RESIZABLE = frozenset({"L", "RGB", "RGBA"})

_log = logging.getLogger(__name__)


class BrokenPictureError(Exception):
    """A picture can't be used: it is broken, too large, or in an unknown format. The text says why."""


def is_picture(data: bytes, formats: Sequence[str] = FORMATS) -> bool:
    """Whether the first bytes of a file are those of a picture in one of these formats."""
    Image.init()
    return any(accept is not None and accept(data[:_PREFIX]) for _, accept in map(Image.OPEN.__getitem__, formats))


def picture_frames(data: bytes) -> Iterator[Image.Image]:
    """Decode the frames of a picture or animation. Each frame is valid until the next one is requested.

    If the file is cut off, the complete frames are yielded. CPU-bound; call it in a thread.

    Raises:
        BrokenPictureError: the picture has more than :data:`MAX_PIXELS`.
        DECODE_ERRORS: not even the first frame could be decoded.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise BrokenPictureError(f"it has too many pixels ({image.width} by {image.height})")
        if image.format in ("JPEG", "MPO"):
            # Decoding at a reduced size takes a fraction of the memory and the time.
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
            except DECODE_ERRORS:
                if number == 0:
                    raise
                return
            yield image


def to_jpeg(image: Image.Image) -> bytes:
    """A small, upright JPEG of a picture: at most :data:`LONG_SIDE` pixels long, transparent parts white.

    ``image`` itself is not changed. CPU-bound; call it in a thread.

    Raises:
        DECODE_ERRORS: the picture is broken.
    """
    scale = min(1.0, LONG_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    exif = image.info.get("exif")
    small = _in_plain_colours(image).resize(size, reducing_gap=2.0).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", small.size, _WHITE), small).convert("RGB")
    file = io.BytesIO()
    _upright(flat, exif).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _in_plain_colours(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # The picture is 16-bit grey. Without the division, Pillow would clip every value above 255.
        return image.convert("F").point(lambda value: value / 256).convert("L")
    plain = image.mode in _RESIZABLE and "transparency" not in image.info
    return image if plain else image.convert("RGBA")


def _upright(image: Image.Image, exif: bytes | None) -> Image.Image:
    """The picture turned upright by its EXIF data. It stays as it is if the EXIF data are missing or broken."""
    if not exif:
        return image
    image.info["exif"] = exif
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception as error:
        # Broken EXIF data raise many kinds of errors. The picture can be used without them.
        _log.info("The EXIF data of a picture can't be read: %s", error)
        turned = image
    turned.info.pop("exif", None)
    return turned
