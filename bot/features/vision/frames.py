"""A picture, animation or video as a few small JPEGs, spread evenly over it. Every bound on decoding is here."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from bot.features.vision import webp
from bot.features.vision.jpeg import to_jpeg
from bot.features.vision.kinds import Kind
from bot.features.vision.sights import MAX_PIXELS

MAX_DECODED = 600
"""Frames decoded of one file."""
MAX_SECONDS = 15.0
_MICROSECONDS = 1_000_000
_LIMITS = {"max_pixels": str(MAX_PIXELS), "threads": "1"}


class BrokenPictureError(Exception):
    """Nothing could be decoded: it is broken, or larger than anything we decode."""


@dataclass(slots=True)
class DecodingBudget:
    """How much may still be decoded; ``stop`` ends it from another thread."""

    clock: Callable[[], float] = time.monotonic
    frames: int = MAX_DECODED
    seconds: float = MAX_SECONDS
    stop: threading.Event = field(default_factory=threading.Event)
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def spend(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """The frames, as long as there is something left."""
        for frame in frames:
            yield frame
            self.frames -= 1
            if self.frames <= 0 or self.stop.is_set() or self.clock() > self._until:
                return


async def take_frames(
    data: bytes, kind: Kind, count: int, *, clock: Callable[[], float] = time.monotonic
) -> list[bytes]:
    """At most ``count`` JPEGs of a file, in its order. Decodes in a thread, which a cancellation ends.

    Raises:
        BrokenPictureError: there is none.
    """
    budget = DecodingBudget(clock)
    try:
        return await asyncio.to_thread(decode, data, kind, count, budget)
    finally:
        budget.stop.set()


def decode(data: bytes, kind: Kind, count: int, budget: DecodingBudget) -> list[bytes]:
    """As :func:`take_frames`, in the calling thread."""
    try:
        if kind is Kind.ANIMATED_WEBP:
            pictures = evenly(budget.spend(_webp_frames(data)), count)
        else:
            with av.open(io.BytesIO(data), "r", format=kind.value, options=_LIMITS) as container:
                pictures = _of_container(container, count, budget)
    except (av.FFmpegError, ValueError, IndexError, MemoryError) as error:
        raise BrokenPictureError(str(error)) from error
    if not pictures:
        raise BrokenPictureError("no picture in it")
    return pictures


def evenly(frames: Iterable[av.VideoFrame], count: int) -> list[bytes]:
    """At most ``count`` JPEGs spread over frames of unknown number, while no more than twice as many are kept."""
    kept: list[bytes] = []
    stride = 1
    for number, frame in enumerate(frames):
        if number % stride:
            continue
        kept.append(to_jpeg(frame))
        if len(kept) > 2 * count:
            kept, stride = kept[::2], stride * 2
    if len(kept) <= count:
        return kept
    return [kept[round(number)] for number in np.linspace(0, len(kept) - 1, count)] if count > 1 else kept[:1]


def _of_container(container: InputContainer, count: int, budget: DecodingBudget) -> list[bytes]:
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise BrokenPictureError("of a codec that nobody here knows")
    if not 0 < context.width * context.height <= MAX_PIXELS:
        raise BrokenPictureError("of no size that could be decoded")
    context.options = _LIMITS
    duration = (container.duration or 0) / _MICROSECONDS
    if duration * float(stream.average_rate or 0) <= MAX_DECODED:
        return evenly(budget.spend(container.decode(stream)), count)
    return [
        to_jpeg(frame)
        for number in range(count)
        if (frame := _frame_at(container, stream, duration * (number + 0.5) / count, count, budget)) is not None
    ]


def _frame_at(
    container: InputContainer, stream: VideoStream, at: float, count: int, budget: DecodingBudget
) -> av.VideoFrame | None:
    """The frame shown at so many seconds, or one before it where there are too many since the last key frame."""
    if stream.time_base is not None:
        container.seek(int(at / stream.time_base), stream=stream)
    frame = None
    for number, frame in enumerate(budget.spend(container.decode(stream))):
        if number >= MAX_DECODED // count or (frame.time is not None and frame.time >= at):
            break
    return frame


def _webp_frames(data: bytes) -> Iterator[av.VideoFrame]:
    """The frames of an animated WebP, each put on the canvas as a browser would."""
    width, height = webp.canvas_size(data)
    if width * height > MAX_PIXELS:
        raise BrokenPictureError("of no size that could be decoded")
    canvas = np.zeros((height, width, 4), np.uint8)
    for frame in webp.read_frames(data):
        place = canvas[frame.y : frame.y + frame.height, frame.x : frame.x + frame.width]
        with av.open(io.BytesIO(frame.still), "r", format=Kind.WEBP.value, options=_LIMITS) as container:
            pixels = next(container.decode(video=0)).to_ndarray(format="rgba")
        if pixels.shape != place.shape:
            raise webp.BrokenWebpError("a frame is of another size than it says")
        place[:] = pixels if frame.overwrites else np.where(pixels[..., 3:] > 127, pixels, place)
        yield av.VideoFrame.from_ndarray(canvas, format="rgba")
        if frame.clears:
            place[:] = 0
