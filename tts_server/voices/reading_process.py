"""``python -m tts_server.voices.reading_process SOURCE TARGET``: a stranger's file to a recording, in a cage.

FFmpeg is asked to read what may have been made to crash it or to fill the memory: a tag of an MP3 alone can unpack to
gigabytes. So this process may have little memory and little time, and its parent survives it. Writes one line of JSON:
``{"seconds": …}``, or ``{"refused": code, "message": …}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

MAX_MEMORY = 768 * 1024**2
"""Of address space, in bytes; libraries and Silero's network take half of it."""
MAX_CPU_SECONDS = 20
_MAX_FILE = 64 * 1024**2
_NICENESS = 10


def _lock_the_cage() -> None:
    if sys.platform == "win32":
        return
    import resource

    os.nice(_NICENESS)
    limits = [
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _MAX_FILE),
        (resource.RLIMIT_CORE, 0),
    ]
    for which, limit in limits:
        # macOS knows no limit of address space, and others may have been set a lower one.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (limit, limit))


def _read(source: Path, target: Path) -> dict[str, Any]:
    from audio.encoders import write_sound
    from tts_server.voices.decoding import RATE, RecordingRefusedError, decode
    from tts_server.voices.preparation import prepare, speech_spans

    try:
        samples = prepare(decode(source), speech_spans)
    except RecordingRefusedError as error:
        return {"refused": error.code, "message": str(error)}
    write_sound(target, samples, RATE, "flac")
    return {"seconds": len(samples) / RATE}


def main() -> None:
    """Read the one file, and say what came of it."""
    _lock_the_cage()
    sys.stdout.write(json.dumps(_read(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")


if __name__ == "__main__":
    main()
