"""A WAV file that grows: always readable, also when its writer was killed."""

from __future__ import annotations

import struct
from pathlib import Path

from audio.pcm import SAMPLE_BYTES, to_pcm16
from audio.samples import Samples

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
MAX_SAMPLES = (2**32 - HEADER_BYTES) // SAMPLE_BYTES
"""What the 32-bit lengths of RIFF can say."""


class WavFile:
    """Mono, 16-bit. Belongs to one thread; every method may raise :class:`OSError`.

    What was written counts from the next :meth:`save` on. Silence is left as a hole in the file, where the file system
    has such holes.

    Args:
        rate: samples a second.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self.rate = rate
        self.samples = 0
        self._file = path.open("xb")
        self.save()

    def write(self, sound: Samples) -> None:
        """Append sound, -1 to 1; what is louder is clipped, what is no number is silence."""
        self._file.write(to_pcm16(sound))
        self.samples += len(sound)

    def pad(self, samples: int) -> None:
        """Append silence until there are this many samples."""
        if samples > self.samples:
            self.samples = samples
            self._file.seek(HEADER_BYTES + samples * SAMPLE_BYTES)

    def save(self) -> None:
        """Make what was written so far part of the file."""
        length = self.samples * SAMPLE_BYTES
        self._file.flush()
        self._file.truncate(HEADER_BYTES + length)
        self._file.seek(0)
        header = (b"RIFF", HEADER_BYTES - 8 + length, b"WAVE", b"fmt ", 16, 1, 1, self.rate)
        self._file.write(
            _HEADER.pack(*header, self.rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES, b"data", length)
        )
        self._file.flush()
        self._file.seek(0, 2)

    def close(self) -> None:
        """Save and close."""
        try:
            self.save()
        finally:
            self._file.close()

    def delete(self) -> None:
        """Close without saving, and remove the file."""
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)
