"""Decodes uploaded sound files, which may be malicious. All limits on decoding are here.

The limits on the process that decodes are in ``reading_process.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from audio.decode import Bounds, NoSoundTrackError, NotSoundError, TooLongSoundError, UnusualSoundError, decoded
from audio.samples import Samples

RATE = 24_000
"""Sample rate of the decoded sound, in Hz."""
MAX_BYTES = 25 * 1024 * 1024
"""Largest file, in bytes."""
MAX_SECONDS = 120.0
"""Longest decoded sound of a file, in seconds. A longer file is refused."""
MIN_RATE, MAX_RATE = 8_000, 192_000
"""Bounds of a file's sample rate, in Hz."""
_BOUNDS = Bounds(
    min_rate=MIN_RATE,
    max_rate=MAX_RATE,
    max_channels=2,
    max_seconds=MAX_SECONDS,
    max_stated_seconds=600.0,
    max_broken_packets=8,
)
_BROKEN = "the file can't be decoded: it is broken, or is not a sound file"
_SNIFFED_BYTES = 64
RefusalCode = Literal["no_audio", "too_large", "too_short", "too_long", "too_quiet", "clipped", "no_speech"]
"""Machine-readable reason of a refusal."""


def decode(path: Path) -> Samples:
    """Decode a file to mono float32 at :data:`RATE`.

    CPU-bound. FFmpeg may crash on a malicious file: call this in a separate process.

    Raises:
        RecordingRefusedError: the file is broken, too large, too long or not sound.
    """
    if path.stat().st_size > MAX_BYTES:
        raise RecordingRefusedError("too_large", f"a recording may have at most {MAX_BYTES // 1024**2} MB")
    pieces = _pieces(path)
    if not pieces:
        raise RecordingRefusedError("no_audio", _BROKEN)
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise RecordingRefusedError("no_audio", "the file contains values that can't be sound")
    return np.clip(samples, -1, 1)


def _pieces(path: Path) -> list[Samples]:
    kind = detect_format(path)
    bounds = replace(_BOUNDS, demuxers=kind.demuxer, codecs=kind.codecs)
    try:
        with path.open("rb") as file:
            return list(decoded(file, RATE, bounds, demuxer=kind.demuxer))
    except TooLongSoundError as error:
        raise RecordingRefusedError(
            "too_long", f"the file is longer than {MAX_SECONDS / 60:.0f} minutes: send 6 to 30 seconds of speech"
        ) from error
    except NoSoundTrackError as error:
        raise RecordingRefusedError("no_audio", "the file has no sound that can be decoded") from error
    except UnusualSoundError as error:
        raise RecordingRefusedError(
            "no_audio",
            f"a recording must have one or two channels at {MIN_RATE} to {MAX_RATE} Hz; "
            f"this one has {error.channels} at {error.rate} Hz",
        ) from error
    except NotSoundError as error:
        raise RecordingRefusedError("no_audio", _BROKEN) from error


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """A file format of recordings: FFmpeg's name for it, and the codecs allowed in it."""

    demuxer: str
    codecs: frozenset[str]


WAV = RecordingFormat("wav", frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}))
FLAC = RecordingFormat("flac", frozenset({"flac"}))
MP3 = RecordingFormat("mp3", frozenset({"mp3", "mp3float"}))
OGG = RecordingFormat("ogg", frozenset({"opus", "vorbis", "flac"}))
M4A = RecordingFormat("mov", frozenset({"aac", "alac"}))


def detect_format(path: Path) -> RecordingFormat:
    """The format of a file, by its first bytes. The file's name is ignored. Reads from the disk.

    Raises:
        RecordingRefusedError: the format is not accepted.
    """
    with path.open("rb") as file:
        found = format_of(file.read(_SNIFFED_BYTES))
    if found is None:
        raise RecordingRefusedError(
            "no_audio",
            "this is not a recording format that I know: send a WAV, FLAC, MP3, OGG (Opus or Vorbis) or M4A file",
        )
    return found


def format_of(start: bytes) -> RecordingFormat | None:
    """The format of a file with these first bytes; ``None`` if it is not accepted.

    Playlists, subtitles and other formats that could make FFmpeg open a second file are not accepted.
    """
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return WAV
    if start.startswith(b"fLaC"):
        return FLAC
    if start.startswith(b"OggS"):
        return OGG
    if start[4:8] == b"ftyp":
        return M4A
    return MP3 if start.startswith(b"ID3") or _begins_with_mpeg_layer_3(start) else None


def _begins_with_mpeg_layer_3(start: bytes) -> bool:
    """Whether ``start`` begins with an MPEG layer 3 frame header: eleven set bits, then version and layer."""
    return len(start) > 2 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2 and start[1] & 0x18 != 0x08


class RecordingRefusedError(Exception):
    """A recording can't be used. The message tells the person who sent the recording what to do."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
