"""The process that decodes one piece of music: ``python -m bot.music.decoding_process SECONDS STORE [FILE]``.

It decodes the file, or what comes over its standard input, and writes one line of JSON and then the sound to its
standard output: stereo 16-bit PCM at 48,000 Hz. The line is ``{"seconds": …}``, or ``{"error": …}`` with a text for
users. The sound is as loud as other music, by EBU R128. The loudness of a file is measured once and kept in the folder
STORE. A piece that is longer than SECONDS is refused. The process writes no faster than it is read, so it needs little
memory.

The file is not trusted, so it is decoded here: a decoder that crashes, or needs too much memory or time, takes only
this process with it. FFmpeg gets the open file and no name, and playlists and other formats that name further files or
addresses are not allowed.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import COMMON_FORMATS, Bounds, NotSoundError, TooLongSoundError, decoded
from audio.loudness import SILENT_LUFS, LoudnessMeter
from audio.pcm import to_pcm16
from audio.samples import SPEAKING_RATE, finite
from bot.music.loudness_store import LoudnessStore
from config.lifetime import end_with_parent

MAX_MINUTES = 90
MAX_MB = 300
"""Length and size of the longest piece."""
TARGET_LUFS = -16.0
"""Loudness of all music at a volume of 100 percent."""
MOST_DB = 12.0
"""A quiet piece is made louder by this many decibels at most."""
MEASURED_SAMPLES = SPEAKING_RATE * 2 // 5
"""EBU R128 measures parts of 0.4 s. A shorter sound is filled up with silence to be measured."""
MEMORY_BYTES, CPU_SECONDS = 3 * 1024**3, 900
NICENESS = 5
"""The process gives way to the thread that sends the sound."""
BOUNDS = replace(
    COMMON_FORMATS,
    max_seconds=60.0 * MAX_MINUTES,
    max_stated_seconds=60.0 * MAX_MINUTES,
    max_broken_packets=64,
)

NO_SOUND = "It is not a sound file that I can play."
TOO_LONG = "It is longer than {limit}."
TOO_LARGE = f"It is larger than {MAX_MB} MB."


class UnplayableError(Exception):
    """The file can't be played. The text says why, for users."""


def main() -> int:
    """Decode the piece that the command line names. Returns the exit status."""
    end_with_parent()
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    output = sys.stdout.buffer
    max_seconds = float(sys.argv[1])
    try:
        store, *files = map(Path, sys.argv[2:])
        with _open(files) as file:
            gain, seconds = measure(file, LoudnessStore(store), max_seconds)
            _say(output, {"seconds": round(seconds, 2)})
            file.seek(0)
            for piece in decoded(file, SPEAKING_RATE, BOUNDS, channels=2):
                output.write(to_pcm16(finite(piece) * np.float32(gain)))
                output.flush()
    except UnplayableError as error:
        _say(output, {"error": str(error)})
    except (NotSoundError, MemoryError):
        _say(output, {"error": NO_SOUND})
    except TooLongSoundError:
        _say(output, {"error": TOO_LONG.format(limit=_limit(max_seconds))})
    except OSError as error:
        _say(output, {"error": f"It can't be read: {error.strerror or error}."})
    return 0


def _open(files: list[Path]) -> BinaryIO:
    if files:
        file: BinaryIO = files[0].open("rb")
        if os.fstat(file.fileno()).st_size > MAX_MB * 1024**2:
            file.close()
            raise UnplayableError(TOO_LARGE)
        return file
    data = sys.stdin.buffer.read(MAX_MB * 1024**2 + 1)
    if len(data) > MAX_MB * 1024**2:
        raise UnplayableError(TOO_LARGE)
    return io.BytesIO(data)


def measure(file: BinaryIO, store: LoudnessStore, max_seconds: float = math.inf) -> tuple[float, float]:
    """The factor that makes a piece as loud as all others, and its length in seconds.

    Raises:
        NotSoundError, TooLongSoundError, UnplayableError: it can't be played.
    """
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    known = store.find(digest)
    if known is None:
        file.seek(0)
        meter, samples, bounds = LoudnessMeter(), 0, _bounds(max_seconds)
        for piece in decoded(file, SPEAKING_RATE, bounds, channels=2):
            meter.add(finite(piece))
            samples += len(piece) // 2
        if samples < MEASURED_SAMPLES:
            meter.add(np.zeros(2 * (MEASURED_SAMPLES - samples), np.float32))
        known = (meter.lufs, samples / SPEAKING_RATE)
        store.keep(digest, *known)
    loudness, seconds = known
    if seconds == 0:
        raise UnplayableError(NO_SOUND)
    if seconds > max_seconds:
        raise TooLongSoundError
    gain = 0.0 if loudness <= SILENT_LUFS else min(TARGET_LUFS - loudness, MOST_DB)
    return float(10 ** (gain / 20)), seconds


def _bounds(max_seconds: float) -> Bounds:
    return replace(
        BOUNDS,
        max_seconds=min(max_seconds, BOUNDS.max_seconds),
        max_stated_seconds=min(max_seconds, BOUNDS.max_stated_seconds),
    )


def _limit(max_seconds: float) -> str:
    return f"{max_seconds:.0f} seconds" if max_seconds < 60.0 * MAX_MINUTES else f"{MAX_MINUTES} minutes"


def _say(output: BinaryIO, line: dict[str, float | str]) -> None:
    output.write(json.dumps(line).encode() + b"\n")
    output.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader has stopped the piece.
        os._exit(0)
