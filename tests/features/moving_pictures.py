"""Pictures and videos for tests, made by FFmpeg. Each frame is a brighter grey than the last."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction

import av
import numpy as np

_ENCODERS = {
    "png": ("image2pipe", "png", "rgb24"),
    "jpg": ("image2pipe", "mjpeg", "yuvj420p"),
    "webp": ("webp", "libwebp", "bgra"),
    "gif": ("gif", "gif", "gray"),
    "animated.webp": ("webp", "libwebp_anim", "bgra"),
    "apng": ("apng", "apng", "rgb24"),
    "mp4": ("mp4", "libx264", "yuv420p"),
    "webm": ("webm", "libvpx", "yuv420p"),
}


def make(
    kind: str, *, frames: int = 1, width: int = 64, height: int = 48, rate: int = 10, left: int | None = None
) -> bytes:
    """A file of this kind. Frame ``i`` of ``n`` has the grey ``40 + 200 * i / n``.

    If ``left`` is given, it is the grey of the left quarter of each frame.
    """
    container_format, codec, pixels = _ENCODERS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for number in range(frames):
            grey = np.full((height, width, 3), 40 + 200 * number // frames, np.uint8)
            if left is not None:
                grey[:, : width // 4] = left
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def turned(mp4: bytes, degrees: int) -> bytes:
    """The same video with rotation metadata: 0, 90, 180 or 270 degrees clockwise."""
    one = 0x10000
    a, b = {0: (one, 0), 90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    matrix = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 0x40000000)
    # In the track's header, the matrix comes after version, flags, two times, number, length, layer, group and volume.
    at = mp4.index(b"tkhd") + 44
    return mp4[:at] + matrix + mp4[at + len(matrix) :]


def size_and_grey(jpeg: bytes) -> tuple[int, int, int]:
    """The width and height of a JPEG, and the grey in its middle."""
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    height, width, _ = pixels.shape
    return width, height, int(pixels[height // 2, width // 2, 0])


def png_bomb(side: int) -> bytes:
    """A black PNG of ``side`` by ``side`` pixels, whose file is small."""
    packer = zlib.compressobj(zlib.Z_BEST_SPEED)
    row = b"\0" * (side * 3 + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
