"""WAV files of one kind: mono, 16-bit PCM."""

from __future__ import annotations

import struct
from pathlib import Path

from audio.pcm import SAMPLE_BYTES, to_pcm16
from audio.samples import Samples

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
_OPEN_LENGTH = 0xFFFFFFFF
MAX_SAMPLES = (2**32 - HEADER_BYTES) // SAMPLE_BYTES
"""What the 32-bit lengths of RIFF can say."""


def wav_header(rate: int, pcm_bytes: int | None) -> bytes:
    """What stands before the PCM.

    Args:
        rate: samples a second.
        pcm_bytes: how long the PCM is; ``None`` where that is not known yet, and the lengths are left open.
    """
    rest = HEADER_BYTES - 8
    lengths = (_OPEN_LENGTH, _OPEN_LENGTH) if pcm_bytes is None else (rest + pcm_bytes, pcm_bytes)
    shape = (16, 1, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return _HEADER.pack(b"RIFF", lengths[0], b"WAVE", b"fmt ", *shape, b"data", lengths[1])


def to_wav(samples: Samples, rate: int) -> bytes:
    """A whole file; ``rate`` is in samples a second."""
    pcm = to_pcm16(samples)
    return wav_header(rate, len(pcm)) + pcm


class WavFile:
    """A file that grows, and that is readable at any time, also when its writer was killed.

    Belongs to one thread; every method may raise :class:`OSError`. What was written
    counts from the next :meth:`save` on. Silence is left as a hole in the file, where the file system has such holes.

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
        self._file.write(wav_header(self.rate, length))
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
