"""A stranger's sound file to samples, within bounds; then to pieces that a transcriber takes at once."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from audio.level import rms_of_frames
from audio.samples import HEARING_RATE, Sound16, finite

MAX_DECODING_SECONDS = 20.0
"""Of our time."""
MAX_BROKEN_PACKETS = 8
PIECE_SECONDS = 28
"""A Whisper takes 30 s at once, and a call's own turns come between two pieces."""
_CUT_SECONDS = 8
"""So long before its end a piece may be cut, where it is quietest."""
_WINDOW = HEARING_RATE // 10
MIN_RATE, MAX_RATE, MAX_CHANNELS = 8_000, 192_000, 8
_CODECS = (
    "opus,vorbis,flac,mp3,mp3float,aac,alac,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw"
)
# Playlists and whatever else could make FFmpeg open a second file are not among them.
_LIMITS = {"format_whitelist": "ogg,mov,matroska,mp3,wav,flac,aac", "codec_whitelist": _CODECS}


class BrokenSoundError(Exception):
    """Nothing could be decoded: it is broken, or no sound."""


class TooLongSoundError(Exception):
    """It is longer than was agreed."""


def decode(
    data: bytes, max_seconds: float, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
) -> Sound16:
    """All of a file. Blocks: run it in a thread, which ``stop`` ends.

    Raises:
        BrokenSoundError, TooLongSoundError: as they say.
    """
    until = clock() + MAX_DECODING_SECONDS
    pieces: list[Sound16] = []
    room = round(max_seconds * HEARING_RATE)
    try:
        with av.open(io.BytesIO(data), "r", options=_LIMITS, metadata_errors="replace") as container:
            for piece in _samples(container, _stream(container)):
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    raise TooLongSoundError
                if stop.is_set() or clock() > until:
                    raise BrokenSoundError("it takes too long to decode")
    except (av.FFmpegError, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        raise BrokenSoundError(str(error)) from error
    if not pieces:
        raise BrokenSoundError("no sound in it")
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


def _stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise BrokenSoundError("no sound in it")
    stream = container.streams.audio[0]
    # PyAV's types leave out that a stream of an unknown codec has no context.
    context = getattr(stream, "codec_context", None)
    if context is None:
        raise BrokenSoundError("unknown codec")
    if not MIN_RATE <= context.sample_rate <= MAX_RATE or not 1 <= context.channels <= MAX_CHANNELS:
        raise BrokenSoundError(f"{context.channels} channels at {context.sample_rate} Hz")
    context.thread_count = 1
    return stream


def _samples(container: InputContainer, stream: AudioStream) -> Iterator[Sound16]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=HEARING_RATE)
    for frame in _frames(container, stream):
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray().reshape(-1).astype(np.float32)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame | None]:
    """Every frame that can be decoded, then ``None``: cut files and odd first packets are common."""
    broken = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            broken += 1
            if broken > MAX_BROKEN_PACKETS:
                raise
    yield None
