"""The process that reads how long sound files say they are: ``python -m bot.music.lengths_process``.

It reads a list of paths from its standard input, and writes a list of seconds to its standard output, both as JSON. A
file that does not say its length, or is no sound, has ``null``. Files are not trusted, so they are read here.
"""

from __future__ import annotations

import json
import os
import sys

from audio.decode import stated_seconds
from bot.music.decoding_process import BOUNDS, MEMORY_BYTES, confine
from config.output import whole_output

CPU_SECONDS = 30


def main() -> None:
    """Read the lengths of the files."""
    confine(MEMORY_BYTES, CPU_SECONDS)
    seconds = [_seconds(path) for path in json.load(sys.stdin)]
    with whole_output() as output:
        output.write(json.dumps(seconds).encode())


def _seconds(path: str) -> float | None:
    try:
        # Opening a pipe without this flag waits until somebody writes to it.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return stated_seconds(file, BOUNDS)
    except OSError:
        return None


if __name__ == "__main__":
    main()
