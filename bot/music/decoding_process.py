"""The process that decodes one piece of music: ``python -m bot.music.decoding_process SECONDS STORE [FILE]``.

It decodes the file, or what comes over its standard input, and writes one line of JSON and then the sound to its
standard output: stereo 16-bit PCM at 48,000 Hz. The line is ``{"seconds": …}``, or ``{"error": …}`` with a text for
users. The exit status says whether all of the sound was written. The sound is as loud as other music, by EBU R128. The
loudness of a file is measured once and kept in the folder STORE. A piece that is longer than SECONDS is refused. The
process writes no faster than it is read, so it needs little memory.

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
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import COMMON_FORMATS, Bounds, NotSoundError, TooLongSoundError, decoded
from audio.loudness import SILENT_LUFS, LoudnessMeter
from audio.pcm import to_pcm16
from audio.samples import SPEAKING_RATE, Samples, finite
from bot.music.loudness_store import LoudnessStore
from config.lifetime import end_with_parent
from config.output import whole_output

MAX_MINUTES = 90
MAX_MB = 300
"""Maximum length and size of a piece."""
TARGET_LUFS = -16.0
"""Loudness of all music at a volume of 100 percent."""
MOST_DB = 12.0
"""A quiet piece is made louder by this many decibels at most."""
MEASURED_SAMPLES = SPEAKING_RATE * 2 // 5
"""EBU R128 measures parts of 0.4 s. A shorter sound is filled up with silence to be measured."""
LOUDEST_SAMPLE = np.float32(2.0)
"""Samples are clipped at 6 dB above full scale. Files of floating-point numbers can have louder ones, which EBU R128
would measure wrongly."""
MEMORY_BYTES, CPU_SECONDS = 3 * 1024**3, 900
BROKEN_OFF = 1
"""Exit status of a process whose sound ends before the piece does. By then, the process can't write a text any more."""
TOLERATED_SECONDS = 0.5
"""The sound may be shorter by this much than the length that was measured."""
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


def confine(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit the memory and processor time of this process, which reads sound from others. It ends with the bot."""
    end_with_parent()
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))


def main() -> int:
    """Decode the piece that the command line names. Returns the exit status."""
    confine(MEMORY_BYTES, CPU_SECONDS)
    output = whole_output()
    max_seconds = float(sys.argv[1])
    try:
        store, *files = map(Path, sys.argv[2:])
        with _open(files) as file:
            gain, seconds = measure(file, LoudnessStore(store), max_seconds)
            say(output, {"seconds": round(seconds, 2)})
            return _write_sound(output, file, gain, seconds, _bounds(max_seconds))
    except UnplayableError as error:
        say(output, {"error": str(error)})
    except (NotSoundError, MemoryError):
        say(output, {"error": NO_SOUND})
    except TooLongSoundError:
        say(output, {"error": TOO_LONG.format(limit=_limit(max_seconds))})
    except OSError as error:
        say(output, {"error": f"It can't be read: {error.strerror or error}."})
    return 0


def _write_sound(output: BinaryIO, file: BinaryIO, gain: float, seconds: float, bounds: Bounds) -> int:
    """Decode the file again, to the output. Returns the exit status: nothing else can say that the sound breaks off."""
    samples = 0
    file.seek(0)
    try:
        for piece in decoded(file, SPEAKING_RATE, bounds, channels=2):
            output.write(to_pcm16(sane(piece) * np.float32(gain)))
            output.flush()
            samples += len(piece) // 2
    except BrokenPipeError:
        raise
    except (NotSoundError, TooLongSoundError, MemoryError, OSError):
        # Somebody has changed the file since it was measured.
        return BROKEN_OFF
    return 0 if samples > (seconds - TOLERATED_SECONDS) * SPEAKING_RATE else BROKEN_OFF


def _open(files: list[Path]) -> BinaryIO:
    if files:
        # Opening a pipe without this flag waits until somebody writes to it.
        file: BinaryIO = os.fdopen(os.open(files[0], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            file.close()
            raise UnplayableError(NO_SOUND)
        if state.st_size > MAX_MB * 1024**2:
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
            meter.add(sane(piece))
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


def sane(sound: Samples) -> Samples:
    """Finite samples that are not too loud to be measured."""
    sane: Samples = np.clip(finite(sound), -LOUDEST_SAMPLE, LOUDEST_SAMPLE)
    return sane


def say(output: BinaryIO, line: dict[str, float | str]) -> None:
    """Write the line before the sound."""
    output.write(json.dumps(line).encode() + b"\n")
    output.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader has stopped the piece.
        os._exit(0)
