"""A stranger's sound file to samples, within bounds; then to pieces that a transcriber takes at once."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from audio.decode import Bounds, NotSoundError, decoded
from audio.level import rms_of_frames
from audio.samples import HEARING_RATE, Sound16, finite

MAX_DECODING_SECONDS = 20.0
"""Of our time."""
PIECE_SECONDS = 28
"""A Whisper takes 30 s at once, and a call's own turns come between two pieces."""
_CUT_SECONDS = 8
"""So long before its end a piece may be cut, where it is quietest."""
_WINDOW = HEARING_RATE // 10
_BOUNDS = Bounds(
    demuxers="ogg,mov,matroska,mp3,wav,flac,aac",
    codecs=frozenset(
        {"opus", "vorbis", "flac", "mp3", "mp3float", "aac", "alac", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"}
        | {"pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"}
    ),
    min_rate=8_000,
    max_rate=192_000,
    max_channels=8,
    max_broken_packets=8,
)


def decode(
    data: bytes, max_seconds: float, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
) -> Sound16:
    """All of a file. Blocks: run it in a thread, which ``stop`` ends.

    Raises:
        NotSoundError, TooLongSoundError: as they say.
    """
    until = clock() + MAX_DECODING_SECONDS
    pieces: list[Sound16] = []
    for piece in decoded(io.BytesIO(data), HEARING_RATE, replace(_BOUNDS, max_seconds=max_seconds)):
        pieces.append(piece)
        if stop.is_set() or clock() > until:
            raise NotSoundError("it takes too long to decode")
    if not pieces:
        raise NotSoundError("no sound in it")
    return np.clip(finite(np.concatenate(pieces)), -1, 1)


def in_pieces(sound: Sound16) -> Iterator[Sound16]:
    """The sound cut where it is quiet, each piece short enough for a transcriber."""
    longest, cut_from = PIECE_SECONDS * HEARING_RATE, (PIECE_SECONDS - _CUT_SECONDS) * HEARING_RATE
    while len(sound) > longest:
        quietest = int(np.argmin(rms_of_frames(sound[cut_from:longest], _WINDOW)))
        cut = cut_from + quietest * _WINDOW + _WINDOW // 2
        yield sound[:cut]
        sound = sound[cut:]
    yield sound
