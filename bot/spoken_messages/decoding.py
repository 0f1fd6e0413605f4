"""Decodes an untrusted sound file within limits, and cuts it into pieces for the transcriber."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from audio.decode import COMMON_FORMATS, NotSoundError, TooLongSoundError, decoded
from audio.g711 import Law, decode_g711
from audio.level import rms_of_frames
from audio.narrow_band import from_telephone
from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, Sound16, finite
from audio.telephony import TELEPHONE_RATE

MAX_DECODING_SECONDS = 20.0
"""Maximum number of seconds that decoding may take."""
PIECE_SECONDS = 28
"""Longest piece, in seconds. Whisper takes at most 30 s. The turns of a call are transcribed between two pieces."""
_CUT_SECONDS = 8
"""The end of a piece is the quietest moment within the last ``_CUT_SECONDS`` of its longest possible duration, but
never within the first half of that duration.
"""
_WINDOW = HEARING_RATE // 10
"""Number of samples in a window (100 ms). The sound is cut in the middle of the quietest window."""
_BOUNDS = replace(
    COMMON_FORMATS,
    # Sun's files are what most programs mean by audio/basic.
    demuxers=f"{COMMON_FORMATS.demuxers},au",
    max_broken_packets=8,
)


def decode_sound(
    data: bytes, max_seconds: float, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
) -> Sound16:
    """Decode a file: mono, -1 to 1, at 16 kHz. CPU-bound; call it in a thread. Set ``stop`` to end it early.

    Raises:
        NotSoundError: the file has no sound, is broken, or takes too long to decode, or ``stop`` was set.
        TooLongSoundError: the sound is longer than ``max_seconds``.
    """
    until = clock() + MAX_DECODING_SECONDS
    pieces: list[Sound16] = []
    for piece in decoded(io.BytesIO(data), HEARING_RATE, replace(_BOUNDS, max_seconds=max_seconds)):
        pieces.append(piece)
        if stop.is_set() or clock() > until:
            # Nobody waits for the message if ``stop`` is set.
            raise NotSoundError("it takes too long to decode")
    if not pieces:
        raise NotSoundError("there is no sound in the file")
    return np.clip(finite(np.concatenate(pieces)), -1, 1)


def decode_telephone_sound(data: bytes, law: Law, max_seconds: float) -> Sound16:
    """Decode raw G.711, mono at 8,000 Hz: -1 to 1, at 16 kHz. CPU-bound; call it in a thread.

    Raises:
        TooLongSoundError: the sound is longer than ``max_seconds``.
    """
    if len(data) > max_seconds * TELEPHONE_RATE:
        raise TooLongSoundError
    return np.clip(from_telephone(from_pcm16(decode_g711(data, law).tobytes())), -1, 1)


def in_pieces(sound: Sound16, seconds: int = PIECE_SECONDS) -> Iterator[Sound16]:
    """Cut the sound at quiet moments into pieces of at most ``seconds`` seconds."""
    longest, cut_from = seconds * HEARING_RATE, (seconds - min(_CUT_SECONDS, seconds // 2)) * HEARING_RATE
    while len(sound) > longest:
        quietest = int(np.argmin(rms_of_frames(sound[cut_from:longest], _WINDOW)))
        cut = cut_from + quietest * _WINDOW + _WINDOW // 2
        yield sound[:cut]
        sound = sound[cut:]
    yield sound
