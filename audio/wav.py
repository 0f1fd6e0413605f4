"""WAV files: mono, 16-bit PCM."""

from __future__ import annotations

import struct
from pathlib import Path

from audio.pcm import SAMPLE_BYTES, to_pcm16
from audio.samples import Samples

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
_UNKNOWN_LENGTH = 0xFFFFFFFF
MAX_SAMPLES = (2**32 - HEADER_BYTES) // SAMPLE_BYTES
"""Maximum number of samples of a file, because RIFF's length fields have 32 bits."""


def wav_header(rate: int, pcm_bytes: int | None) -> bytes:
    """The header of a WAV file (44 bytes).

    Args:
        rate: sample rate in Hz.
        pcm_bytes: length of the PCM data; ``None`` if unknown (streaming): both length fields are then 0xFFFFFFFF.
    """
    rest = HEADER_BYTES - 8
    lengths = (_UNKNOWN_LENGTH, _UNKNOWN_LENGTH) if pcm_bytes is None else (rest + pcm_bytes, pcm_bytes)
    shape = (16, 1, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return _HEADER.pack(b"RIFF", lengths[0], b"WAVE", b"fmt ", *shape, b"data", lengths[1])


def to_wav(samples: Samples, rate: int) -> bytes:
    """A complete WAV file; ``rate`` is in Hz."""
    pcm = to_pcm16(samples)
    return wav_header(rate, len(pcm)) + pcm


class WavFile:
    """A growing WAV file that is readable at any time, even if its writer is killed.

    Not thread-safe; every method may raise :class:`OSError`. Samples become part of the readable file at the next
    :meth:`save`. The silence of :meth:`pad` takes no space if the file system supports sparse files.

    Args:
        rate: sample rate in Hz.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self.rate = rate
        self.samples = 0
        self._file = path.open("xb")
        self.save()

    def write(self, sound: Samples) -> None:
        """Append samples. Values beyond -1 to 1 are clipped; NaN becomes 0."""
        self._file.write(to_pcm16(sound))
        self.samples += len(sound)

    def pad(self, samples: int) -> None:
        """Append silence until the file has ``samples`` samples in total."""
        if samples > self.samples:
            self.samples = samples
            self._file.seek(HEADER_BYTES + samples * SAMPLE_BYTES)

    def save(self) -> None:
        """Make all written samples part of the readable file."""
        length = self.samples * SAMPLE_BYTES
        self._file.flush()
        self._file.truncate(HEADER_BYTES + length)
        self._file.seek(0)
        self._file.write(wav_header(self.rate, length))
        self._file.flush()
        self._file.seek(0, 2)

    def close(self) -> None:
        """Save and close the file."""
        try:
            self.save()
        finally:
            self._file.close()

    def delete(self) -> None:
        """Close the file without saving, and delete it."""
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)
