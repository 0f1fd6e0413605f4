"""A stranger's sound file to samples. Every bound on decoding is here, but those on the process that it happens in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from audio.decode import Bounds, NoSoundTrackError, NotSoundError, TooLongSoundError, UnusualSoundError, decoded
from audio.samples import Samples
from tts_server.voices.formats import recognise
from tts_server.voices.refusal import RecordingRefusedError

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
    kind = recognise(path)
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
