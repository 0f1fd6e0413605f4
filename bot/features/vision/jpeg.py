"""A picture as the small upright JPEG that a vision model is shown."""

from __future__ import annotations

import io
import logging

from PIL import Image, ImageOps

LONG_SIDE = 768
"""Pixels; vision models see little more."""
_QUALITY = 88
_WHITE = (255, 255, 255, 255)
_RESIZABLE = frozenset({"L", "RGB", "RGBA"})

_log = logging.getLogger(__name__)


def to_jpeg(image: Image.Image) -> bytes:
    """Scale a picture down to :data:`LONG_SIDE`, turn it upright, put it on white where it is transparent, encode it.

    The picture itself stays as it is. Raises what Pillow raises for a broken one.
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
        # 16 bits of grey, of which Pillow would otherwise cut off the upper half.
        return image.convert("F").point(lambda value: value / 256).convert("L")
    plain = image.mode in _RESIZABLE and "transparency" not in image.info
    return image if plain else image.convert("RGBA")


def _upright(image: Image.Image, exif: bytes | None) -> Image.Image:
    """Turned as its EXIF data say; where they are broken, as it lies."""
    if not exif:
        return image
    image.info["exif"] = exif
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception as error:
        # A broken block of EXIF data fails in many ways, and is no reason not to look at the picture.
        _log.info("The EXIF data of a picture can't be read: %s", error)
        turned = image
    turned.info.pop("exif", None)
    return turned
