"""Decodes videos with FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

from bot.features.vision.budget import MAX_DECODED, DecodingBudget
from bot.pictures import LONG_SIDE, MAX_PIXELS, BrokenPictureError

DECODE_ERRORS = (av.FFmpegError, ValueError, IndexError, MemoryError)
"""Exceptions that FFmpeg raises for broken or malicious files."""
_MICROSECONDS = 1_000_000
_LIMITS = {"max_pixels": str(MAX_PIXELS), "threads": "1"}
# Only these formats are allowed. Others, such as playlists, could make FFmpeg open a second file.
_CONTAINERS = {"format_whitelist": "mov,matroska"}


class Video:
    """An open video, made by :func:`open_video`."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._duration = (container.duration or 0) / _MICROSECONDS

    @property
    def is_short(self) -> bool:
        """Whether the video has few enough frames to decode all of them."""
        return self._duration * float(self._stream.average_rate or 0) <= MAX_DECODED

    def frames(self) -> Iterator[Image.Image]:
        """Yield all frames, upright and scaled down."""
        return map(_upright, self._container.decode(self._stream))

    def sample_frames(self, count: int, budget: DecodingBudget) -> Iterator[Image.Image]:
        """Yield up to ``count`` frames spread evenly over the video, upright and scaled down."""
        for number in range(count):
            frame = self._frame_at(self._duration * (number + 0.5) / count, count, budget)
            if frame is not None:
                yield _upright(frame)

    def _frame_at(self, at: float, count: int, budget: DecodingBudget) -> av.VideoFrame | None:
        """The frame that is shown ``at`` seconds after the start of the video.

        If too many frames have to be decoded from the last key frame to this time, an earlier frame is returned.
        """
        if self._stream.time_base is not None:
            self._container.seek(int(at / self._stream.time_base), stream=self._stream)
        frame = None
        for number, frame in enumerate(budget.spend(self._container.decode(self._stream))):
            if number >= MAX_DECODED // count or (frame.time is not None and frame.time >= at):
                break
        return frame


@contextmanager
def open_video(data: bytes) -> Iterator[Video]:
    """Open a video.

    Raises:
        BrokenPictureError: the video's size or codec can't be decoded.
        DECODE_ERRORS: FFmpeg can't open the file.
    """
    with av.open(io.BytesIO(data), "r", options=_LIMITS | _CONTAINERS) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context is None:
            raise BrokenPictureError("unknown codec")
        if not 0 < context.width * context.height <= MAX_PIXELS:
            raise BrokenPictureError("unusable size")
        context.options = _LIMITS
        yield Video(container, stream)


def _upright(frame: av.VideoFrame) -> Image.Image:
    """The frame scaled down, and turned upright by its rotation metadata."""
    quarters = round(frame.rotation / 90)
    scale = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    image = Image.fromarray(frame.reformat(width=width, height=height, format="rgba").to_ndarray())
    return image.rotate(90 * quarters, expand=True) if quarters else image
