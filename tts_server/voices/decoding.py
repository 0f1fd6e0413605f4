"""A stranger's sound file to samples. Every bound on decoding is here, but those on the process that it happens in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from audio.samples import Samples
from tts_server.voices.formats import Format, recognise
from tts_server.voices.refusal import RecordingRefusedError

RATE = 24_000
"""Of recordings, in Hz."""
MAX_BYTES = 25 * 1024 * 1024
MAX_SECONDS = 120.0
"""Decoded of one file; a longer one is refused."""
MAX_STATED_SECONDS = 600.0
"""What a file may say of its own length: what is no more than that may be an estimate, and is decoded to find out."""
MAX_BROKEN_PACKETS = 8
MIN_RATE, MAX_RATE, MAX_CHANNELS = 8_000, 192_000, 2
_MICROSECONDS = 1_000_000

_BROKEN = "the file can't be decoded: it is broken, or is not a sound file"
_NO_SOUND = "the file has no sound that can be decoded"


def decode(path: Path) -> Samples:
    """All of a file, mono at :data:`RATE`. Blocks; FFmpeg reads what a stranger made: run it where it may do harm.

    Raises:
        RecordingRefusedError: it is no sound, broken, too large or too long.
    """
    if path.stat().st_size > MAX_BYTES:
        raise RecordingRefusedError("too_large", f"a recording may have at most {MAX_BYTES // 1024**2} MB")
    kind = recognise(path)
    with path.open("rb") as file:
        return _decode(file, kind)


def _decode(file: BinaryIO, kind: Format) -> Samples:
    whitelist = {"format_whitelist": kind.demuxer, "codec_whitelist": ",".join(sorted(kind.codecs))}
    try:
        with av.open(file, "r", format=kind.demuxer, options=whitelist, metadata_errors="replace") as container:
            if (container.duration or 0) > MAX_STATED_SECONDS * _MICROSECONDS:
                raise _too_long()
            pieces = list(_pieces(container, _sound(container, kind)))
    except (av.FFmpegError, ValueError, IndexError, ArithmeticError, MemoryError) as error:
        raise RecordingRefusedError("no_audio", _BROKEN) from error
    if not pieces:
        raise RecordingRefusedError("no_audio", _BROKEN)
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise RecordingRefusedError("no_audio", "the file contains values that can't be sound")
    return np.clip(samples, -1, 1)


def _sound(container: InputContainer, kind: Format) -> AudioStream:
    if not container.streams.audio:
        raise RecordingRefusedError("no_audio", _NO_SOUND)
    stream = container.streams.audio[0]
    # PyAV's types leave out that a stream of an unknown codec has no context.
    context = getattr(stream, "codec_context", None)
    if context is None or context.name not in kind.codecs:
        raise RecordingRefusedError("no_audio", _NO_SOUND)
    if not MIN_RATE <= context.sample_rate <= MAX_RATE or not 1 <= context.channels <= MAX_CHANNELS:
        raise RecordingRefusedError(
            "no_audio",
            f"a recording must have one or two channels at {MIN_RATE} to {MAX_RATE} Hz; "
            f"this one has {context.channels} at {context.sample_rate} Hz",
        )
    context.thread_count = 1
    return stream


def _pieces(container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    room = int(MAX_SECONDS * RATE)
    for frame in _frames(container, stream):
        for resampled in resampler.resample(frame):
            samples: Samples = resampled.to_ndarray().reshape(-1).astype(np.float32)
            room -= len(samples)
            if room < 0:
                raise _too_long()
            yield samples


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


def _too_long() -> RecordingRefusedError:
    return RecordingRefusedError(
        "too_long", f"the file is longer than {MAX_SECONDS / 60:.0f} minutes: send 6 to 30 seconds of speech"
    )
