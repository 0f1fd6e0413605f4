"""A decoded frame as the small JPEG that a vision model is shown."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

LONG_SIDE = 768
"""Pixels; vision models see little more."""
_QUALITY = 3
"""FFmpeg's scale for JPEG: 2 is best, 31 is worst."""


def to_jpeg(frame: av.VideoFrame) -> bytes:
    """Scale a frame down to :data:`LONG_SIDE`, put it on white where it is transparent, and encode it.

    Raises:
        av.FFmpegError: FFmpeg can't.
    """
    scale = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale) // 2 * 2) for side in (frame.width, frame.height))
    pixels = frame.reformat(width=width, height=height, format="rgba").to_ndarray().astype(np.uint16)
    alpha = pixels[..., 3:]
    flat = ((pixels[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return _encode(av.VideoFrame.from_ndarray(flat, format="rgb24").reformat(format="yuvj420p"))


def _encode(frame: av.VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)  # noqa: S101  # for the type checker
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = _QUALITY
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
