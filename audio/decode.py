"""Decodes sound files with FFmpeg: our own without limits, and untrusted ones within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from audio.samples import Samples

_MICROSECONDS = 1_000_000


class NotSoundError(Exception):
    """The file can't be decoded: it is damaged or not sound. The message is FFmpeg's, except in subclasses."""


class NoSoundTrackError(NotSoundError):
    """The file has no sound track, or none with an allowed codec."""


class UnusualSoundError(NotSoundError):
    """The number of channels or the sample rate is not allowed."""

    def __init__(self, channels: int, rate: int) -> None:
        super().__init__(f"{channels} channels at {rate} Hz")
        self.channels = channels
        self.rate = rate


class TooLongSoundError(Exception):
    """The file is longer than allowed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits for a file.

    Attributes:
        demuxers: allowed formats, by FFmpeg's names, separated by commas; ``None`` allows all. For untrusted files,
            leave out playlists and other formats that could make FFmpeg open a second file.
        codecs: allowed codecs, by FFmpeg's names; ``None`` allows all.
        max_seconds: longest decoded sound. A longer file is refused when this much has been decoded.
        max_stated_seconds: a file whose header states a longer duration is refused at once. A shorter duration may be
            wrong, so the file is decoded to find its true length.
        max_broken_packets: the largest number of broken packets that are skipped. A file with more is refused. A few
            are common in files that are cut off, or whose first packet is odd.
        probe_bytes: the largest number of bytes that are read to find out what the file is; ``None`` leaves this
            number to FFmpeg.
    """

    demuxers: str | None = None
    codecs: frozenset[str] | None = None
    min_rate: int = 1
    max_rate: float = math.inf
    max_channels: float = math.inf
    max_seconds: float = math.inf
    max_stated_seconds: float = math.inf
    max_broken_packets: int = 0
    probe_bytes: int | None = None


UNBOUNDED = Bounds()
COMMON_FORMATS = Bounds(
    demuxers="ogg,mov,matroska,mp3,wav,flac,aac",
    codecs=frozenset(
        {"opus", "vorbis", "flac", "mp3", "mp3float", "aac", "alac", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"}
        | {"pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"}
    ),
    min_rate=8_000,
    max_rate=192_000,
    max_channels=8,
)
"""The common formats of sound files. None of them makes FFmpeg open a second file."""


def read_sound(path: Path, rate: int) -> Samples:
    """Decode one of our own files completely, mono at ``rate`` Hz. Blocks.

    Raises:
        OSError: the file does not exist, or is not sound.
    """
    try:
        pieces = list(decoded(path, rate))
    except NotSoundError as error:
        raise OSError(f"{path} can't be read as sound: {error}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def stated_seconds(file: BinaryIO, bounds: Bounds) -> float | None:
    """The length that a file states. It may be wrong. ``None`` if it states none, or is not sound."""
    options = {"format_whitelist": bounds.demuxers} if bounds.demuxers is not None else {}
    try:
        with av.open(file, "r", options=options, metadata_errors="replace") as container:
            return container.duration / _MICROSECONDS if container.duration and container.streams.audio else None
    except (av.FFmpegError, ValueError, LookupError, ArithmeticError, MemoryError):
        return None


def decoded(
    source: Path | BinaryIO,
    rate: int,
    bounds: Bounds = UNBOUNDED,
    *,
    demuxer: str | None = None,
    channels: Literal[1, 2] = 1,
) -> Iterator[Samples]:
    """Decode a file piece by piece: float32 at ``rate`` Hz. Each piece blocks briefly.

    Args:
        demuxer: format of the file, by FFmpeg's name, if it is known.
        channels: 1 for mono; 2 for stereo, in which left and right samples take turns.

    Raises:
        NotSoundError: the file can't be decoded, or is not within ``bounds``.
        TooLongSoundError: the file is too long.
    """
    options: dict[str, str] = {}
    if bounds.demuxers is not None:
        options["format_whitelist"] = bounds.demuxers
    if bounds.codecs is not None:
        options["codec_whitelist"] = ",".join(sorted(bounds.codecs))
    if bounds.probe_bytes is not None:
        options["probesize"] = str(bounds.probe_bytes)
    file = str(source) if isinstance(source, Path) else source
    try:
        with av.open(file, "r", format=demuxer, options=options, metadata_errors="replace") as container:
            if (container.duration or 0) > bounds.max_stated_seconds * _MICROSECONDS:
                raise TooLongSoundError
            room = bounds.max_seconds * rate
            frames = _frames(container, _sound_track(container, bounds), bounds)
            for piece in resampled(frames, rate, channels=channels):
                room -= len(piece) // channels
                if room < 0:
                    raise TooLongSoundError
                yield piece
    except (av.FFmpegError, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        raise NotSoundError(str(error)) from error


def resampled(frames: Iterable[av.AudioFrame], rate: int, *, channels: Literal[1, 2] = 1) -> Iterator[Samples]:
    """Resample decoded frames to float32 at ``rate`` Hz: mono, or stereo as in :func:`decoded`.

    The frames' rate, format or number of channels may change: radio stations change them between programmes.
    """
    resampler: av.AudioResampler | None = None
    kind = None
    for frame in frames:
        before, kind = kind, (frame.sample_rate, frame.format.name, frame.layout.name)
        if resampler is None or kind != before:
            if resampler is not None:
                yield from map(_samples, resampler.resample(None))
            resampler = av.AudioResampler(format="flt", layout="stereo" if channels == 2 else "mono", rate=rate)
        yield from map(_samples, resampler.resample(frame))
    if resampler is not None:
        yield from map(_samples, resampler.resample(None))


def _samples(frame: av.AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray().reshape(-1), np.float32)


def _sound_track(container: InputContainer, bounds: Bounds) -> AudioStream:
    if not container.streams.audio:
        raise NoSoundTrackError("the file has no sound track")
    stream = container.streams.audio[0]
    # PyAV's types do not say so, but a stream with an unknown codec has no context.
    context = getattr(stream, "codec_context", None)
    if context is None or (bounds.codecs is not None and context.name not in bounds.codecs):
        raise NoSoundTrackError("unknown codec")
    _require_usual(context.channels, context.sample_rate, bounds)
    context.thread_count = 1
    return stream


def _require_usual(channels: int, rate: int, bounds: Bounds) -> None:
    if not (1 <= channels <= bounds.max_channels and bounds.min_rate <= rate <= bounds.max_rate):
        raise UnusualSoundError(channels, rate)


def _frames(container: InputContainer, track: AudioStream, bounds: Bounds) -> Iterator[av.AudioFrame]:
    broken = 0
    for packet in container.demux(track):
        try:
            for frame in packet.decode():
                _require_usual(frame.layout.nb_channels, frame.sample_rate, bounds)
                yield frame
        except av.InvalidDataError:
            broken += 1
            if broken > bounds.max_broken_packets:
                raise
