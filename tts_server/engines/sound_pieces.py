"""What other people's engines put out, piece by piece and cut anywhere, as samples: raw PCM, MP3, or any other file."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from typing import Any

import av
import numpy as np

from audio.decode import NotSoundError, resampled
from audio.samples import Samples

_HEAD_BYTES = 4


def pcm_samples(pieces: Iterator[bytes], dtype: np.dtype[Any], channels: int) -> Generator[Samples, None, None]:
    """Samples of raw PCM of any width, its channels mixed to one; the least integer of a width is -1."""
    frame_bytes = dtype.itemsize * channels
    scale = 1 / -float(np.iinfo(dtype).min) if np.issubdtype(dtype, np.integer) else 1.0
    rest = b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) - len(data) % frame_bytes
        rest = data[whole:]
        if whole:
            frames = np.frombuffer(data[:whole], dtype).reshape(-1, channels)
            yield np.asarray(frames.mean(axis=1, dtype=np.float32) * np.float32(scale), np.float32)


def file_samples(pieces: Iterator[bytes], rate: int) -> Generator[Samples, None, None]:
    """Samples of a file, mono and brought to ``rate`` Hz; MP3 as soon as each of its frames is whole.

    Raises:
        NotSoundError: there are bytes, and no sound in them.
    """
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    if not head:
        return
    pieces = itertools.chain([head], pieces)
    heard = False
    try:
        for samples in resampled(_mp3_frames(pieces) if _is_mp3(head) else _frames(pieces), rate):
            heard = True
            yield samples
    except av.FFmpegError as error:
        raise NotSoundError(f"its output can't be read as sound: {error}") from error
    if not heard:
        raise NotSoundError(f"its output is not sound; it begins with {head[:40]!r}")


def _is_mp3(head: bytes) -> bool:
    return head.startswith(b"ID3") or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def _mp3_frames(pieces: Iterator[bytes]) -> Iterator[av.AudioFrame]:
    # A demuxer would read 4 KB, more than half a second of sound, before the first frame.
    codec = av.CodecContext.create("mp3", "r")
    if not isinstance(codec, av.AudioCodecContext):
        raise TypeError("mp3 is no audio codec")
    # The empty piece makes the parser give up what it holds.
    for piece in itertools.chain(pieces, [b""]):
        for packet in codec.parse(piece):
            try:
                yield from codec.decode(packet)
            except av.InvalidDataError:
                # A tag, or a frame that needs one that came before it.
                continue


def _frames(pieces: Iterator[bytes]) -> Iterator[av.AudioFrame]:
    with av.open(_PiecesFile(pieces), "r") as container:
        if not container.streams.audio:
            raise NotSoundError("its output has no sound in it")
        yield from container.decode(container.streams.audio[0])


class _PiecesFile:
    """Pieces as a file that can only be read on."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
