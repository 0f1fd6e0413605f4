"""``python -m tts_server.voices.reading_process SOURCE TARGET``: reads an uploaded file in a restricted process.

A malicious file may crash FFmpeg or exhaust memory; an MP3's tag alone can unpack to gigabytes. Therefore this process
has limited memory and CPU time, and its parent goes on if this process dies. Prints one line of JSON:
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
"""Address space limit in bytes. Libraries and Silero's network need half of it."""
MAX_CPU_SECONDS = 20
"""CPU time limit, in seconds. Beyond it, the system ends the process."""
_MAX_FILE = 64 * 1024**2
_NICENESS = 10


def _limit_resources() -> None:
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
        # macOS has no limit of address space, and a lower hard limit may be set already.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (limit, limit))


def _read(source: Path, target: Path) -> dict[str, Any]:
    from audio.encoders import write_audio_file
    from tts_server.voices.decoding import RATE, RecordingRefusedError, decode
    from tts_server.voices.preparation import prepare, speech_spans

    try:
        samples = prepare(decode(source), speech_spans)
    except RecordingRefusedError as error:
        return {"refused": error.code, "message": str(error)}
    write_audio_file(target, samples, RATE, "flac")
    return {"seconds": len(samples) / RATE}


def main() -> None:
    """Read one file and print the result."""
    _limit_resources()
    sys.stdout.write(json.dumps(_read(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")


if __name__ == "__main__":
    main()
