"""Turns a picture, animation or video into a few small JPEGs, spread evenly over its length."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from bot import pictures
from bot.features.vision import videos
from bot.features.vision.budget import DecodingBudget, UnknownFileError
from bot.pictures import BrokenPictureError, to_jpeg


async def extract_frames(data: bytes, count: int, *, clock: Callable[[], float] = time.monotonic) -> list[bytes]:
    """At most ``count`` JPEGs of a file, in the file's order. Decoding runs in a thread; a cancellation stops it.

    Raises:
        BrokenPictureError: no frame could be decoded.
    """
    budget = DecodingBudget(clock)
    try:
        return await asyncio.to_thread(decode_frames, data, count, budget)
    finally:
        budget.stop.set()


def decode_frames(data: bytes, count: int, budget: DecodingBudget) -> list[bytes]:
    """At most ``count`` JPEGs of a file, in the file's order. CPU-bound; call it in a thread.

    Raises:
        BrokenPictureError: no frame could be decoded.
    """
    jpegs = _picture_frames(data, count, budget) if pictures.is_picture(data) else _video_frames(data, count, budget)
    if not jpegs:
        raise BrokenPictureError("no frame of the file could be decoded")
    return jpegs


def sample_evenly(frames: Iterable[Image.Image], count: int) -> list[bytes]:
    """At most ``count`` JPEGs, spread evenly over frames of unknown number.

    At most 2 * ``count`` + 1 JPEGs are in memory at a time.
    """
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


def _picture_frames(data: bytes, count: int, budget: DecodingBudget) -> list[bytes]:
    try:
        return sample_evenly(budget.spend(pictures.picture_frames(data)), count)
    except pictures.DECODE_ERRORS as error:
        raise BrokenPictureError(str(error)) from error


def _video_frames(data: bytes, count: int, budget: DecodingBudget) -> list[bytes]:
    try:
        with videos.open_video(data) as video:
            if video.is_short:
                return sample_evenly(budget.spend(video.frames()), count)
            return [to_jpeg(frame) for frame in video.sample_frames(count, budget)]
    except videos.DECODE_ERRORS as error:
        raise UnknownFileError(str(error)) from error
