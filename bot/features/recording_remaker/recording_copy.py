"""A working copy of a recording's ``bot.wav``, in which answers are replaced. In the end it replaces the original."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from audio.pcm import SAMPLE_BYTES, from_pcm16, to_pcm16
from audio.samples import Samples
from audio.wav import HEADER_BYTES
from bot.features.recording_remaker.sound import Piece
from bot.recorded_answers import BOT_FILE, Span

COPY_FILE = "bot.wav.remaking"
_BLOCK_BYTES = 1 << 20


class RecordingCopy:
    """The working copy. :meth:`copy` must be called first.

    All methods block on the disk and may raise :class:`OSError`. Not thread-safe.

    Args:
        folder: the folder of the recording. The copy of an earlier attempt is overwritten.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / COPY_FILE
        self._original = folder / BOT_FILE

    def copy(self) -> None:
        """Copy the original."""
        with self._original.open("rb") as original, self._path.open("wb") as copy:
            while block := original.read(_BLOCK_BYTES):
                # A recording is mostly silence: zero bytes. Silence is skipped instead of written, so that the copy
                # becomes a sparse file, in which silence takes no space on the disk.
                if block.count(0) == len(block):
                    copy.seek(len(block), os.SEEK_CUR)
                else:
                    copy.write(block)
            copy.truncate()

    def sound(self, spans: Sequence[Span]) -> Samples:
        """The sound of the copy within these spans, joined: mono float32."""
        with self._path.open("rb") as file:
            parts = []
            for span in spans:
                file.seek(_offset(span.start))
                parts.append(file.read(_offset(span.end) - _offset(span.start)))
        return from_pcm16(b"".join(parts))

    def replace(self, spans: Sequence[Span], pieces: Sequence[Piece]) -> None:
        """Silence these spans of the copy, then write the pieces."""
        with self._path.open("r+b") as file:
            for span in spans:
                file.seek(_offset(span.start))
                file.write(bytes(_offset(span.end) - _offset(span.start)))
            for piece in pieces:
                file.seek(_offset(piece.start))
                file.write(to_pcm16(piece.sound))

    def replace_original(self) -> None:
        """Replace the original by the copy."""
        with self._path.open("rb") as copy:
            os.fsync(copy.fileno())
        self._path.replace(self._original)

    def discard(self) -> None:
        """Delete the copy if it still exists."""
        self._path.unlink(missing_ok=True)


def _offset(sample: int) -> int:
    return HEADER_BYTES + sample * SAMPLE_BYTES
