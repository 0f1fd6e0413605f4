"""A stranger's sound file to samples. Every bound on decoding is here, but those on the process that it happens in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from audio.decode import Bounds, NoSoundTrackError, NotSoundError, TooLongSoundError, UnusualSoundError, decoded
from audio.samples import Samples

RATE = 24_000
"""Of recordings, in Hz."""
MAX_BYTES = 25 * 1024 * 1024
MAX_SECONDS = 120.0
"""Decoded of one file; a longer one is refused."""
MIN_RATE, MAX_RATE = 8_000, 192_000
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


def decode(path: Path) -> Samples:
    """All of a file, mono at :data:`RATE`. Blocks; FFmpeg reads what a stranger made: run it where it may do harm.

    Raises:
        RecordingRefusedError: it is no sound, broken, too large or too long.
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
    """A kind of file that recordings come in: FFmpeg's name for it, and for the codecs allowed in it."""

    demuxer: str
    codecs: frozenset[str]


WAV = RecordingFormat("wav", frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}))
FLAC = RecordingFormat("flac", frozenset({"flac"}))
MP3 = RecordingFormat("mp3", frozenset({"mp3", "mp3float"}))
OGG = RecordingFormat("ogg", frozenset({"opus", "vorbis", "flac"}))
M4A = RecordingFormat("mov", frozenset({"aac", "alac"}))


def detect_format(path: Path) -> RecordingFormat:
    """The format of a file. Blocks for a moment.

    Raises:
        RecordingRefusedError: recordings don't come in it.
    """
    with path.open("rb") as file:
        found = format_of(file.read(_SNIFFED_BYTES))
    if found is None:
        raise RecordingRefusedError(
            "no_audio", "this is no recording that I know: send a WAV, FLAC, MP3, OGG (Opus or Vorbis) or M4A file"
        )
    return found


def format_of(start: bytes) -> RecordingFormat | None:
    """The format of a file that begins so; ``None`` for all that recordings don't come in.

    Playlists, subtitles and whatever else could make FFmpeg open a second file are not among them.
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
    """Whether an MPEG audio frame's header stands there: eleven bits set, then a version and the layer."""
    return len(start) > 2 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2 and start[1] & 0x18 != 0x08


class RecordingRefusedError(Exception):
    """A recording that no voice can be made from; the text tells whoever sent it what to do about it."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
