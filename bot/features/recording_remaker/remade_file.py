"""A recording's ``bot.wav`` while answers in it are replaced: a copy, which takes its place when all is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from audio.pcm import SAMPLE_BYTES, from_pcm16, to_pcm16
from audio.samples import Samples
from audio.wav import HEADER_BYTES
from bot.features.recording_remaker.sound import Piece
from bot.recording_notes import BOT_FILE, Span

COPY_FILE = "bot.wav.remaking"
_BLOCK_BYTES = 1 << 20


class RemadeFile:
    """The copy, once :meth:`copy` has made it.

    Every method blocks for the disk and may raise :class:`OSError`; one thread at a time.

    Args:
        folder: the recording's; what an earlier attempt has left there is overwritten.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / COPY_FILE
        self._first = folder / BOT_FILE

    def copy(self) -> None:
        """Make it, from the recording as it is."""
        with self._first.open("rb") as first, self._path.open("wb") as copy:
            while block := first.read(_BLOCK_BYTES):
                # A recording is mostly silence, which takes no room on a disk that has holes.
                if block.count(0) == len(block):
                    copy.seek(len(block), os.SEEK_CUR)
                else:
                    copy.write(block)
            copy.truncate()

    def sound(self, spans: Sequence[Span]) -> Samples:
        """What is at these places of the copy, one after the other."""
        with self._path.open("rb") as file:
            parts = []
            for span in spans:
                file.seek(_offset(span.start))
                parts.append(file.read(_offset(span.end) - _offset(span.start)))
        return from_pcm16(b"".join(parts))

    def replace(self, spans: Sequence[Span], pieces: Sequence[Piece]) -> None:
        """Put new sound into the copy in place of what is there."""
        with self._path.open("r+b") as file:
            for span in spans:
                file.seek(_offset(span.start))
                file.write(bytes(_offset(span.end) - _offset(span.start)))
            for piece in pieces:
                file.seek(_offset(piece.start))
                file.write(to_pcm16(piece.sound))

    def take_place(self) -> None:
        """From now on, the copy is the recording."""
        with self._path.open("rb") as copy:
            os.fsync(copy.fileno())
        self._path.replace(self._first)

    def discard(self) -> None:
        """Delete the copy, unless it has taken its place."""
        self._path.unlink(missing_ok=True)


def _offset(sample: int) -> int:
    return HEADER_BYTES + sample * SAMPLE_BYTES
