"""What a file really is, by its first bytes."""

from __future__ import annotations

from enum import Enum

from bot.features.vision import webp


class Kind(Enum):
    """A kind of file; the value is FFmpeg's name for it."""

    PNG = "png_pipe"
    APNG = "apng"
    JPEG = "jpeg_pipe"
    GIF = "gif"
    WEBP = "webp_pipe"
    ANIMATED_WEBP = "webp"
    MP4 = "mov"
    WEBM = "matroska"


def kind_of(data: bytes) -> Kind | None:
    """The kind of a file; None for what is no picture or video that we know."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.APNG if b"acTL" in data[: max(data.find(b"IDAT"), 0)] else Kind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Kind.GIF
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Kind.ANIMATED_WEBP if webp.is_animated(data) else Kind.WEBP
    if data[4:8] == b"ftyp":
        return Kind.MP4
    return Kind.WEBM if data.startswith(b"\x1a\x45\xdf\xa3") else None
