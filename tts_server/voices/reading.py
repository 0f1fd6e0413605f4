"""Files that people send, to recordings that a voice can be made from."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from config.children import end_child
from config.project import child_environment
from tts_server.voices.decoding import RecordingRefusedError, RefusalCode, detect_format

MAX_SECONDS = 20.0
"""By the clock, for one file."""
# Each thread of a library takes its share of what little memory the process may have.
_FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}

_log = logging.getLogger(__name__)


class ReadingFailedError(RuntimeError):
    """The fault is ours and not the file's; the log says more."""


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """Speech that was read: a FLAC file, mono at 24,000 Hz."""

    path: Path
    seconds: float


async def read_recording(source: Path, target: Path, limit: float = MAX_SECONDS) -> PreparedRecording:
    """Decode, trim and level ``source`` into ``target``, in a process of its own, which ends before this returns.

    Raises:
        RecordingRefusedError: no voice can be made from it.
        ReadingFailedError: it could not be tried.
    """
    # Most of what is no recording is known at once, and costs no process.
    await asyncio.to_thread(detect_format, source)
    answer = await _ask(source, target, limit)
    if answer.get("refused") in get_args(RefusalCode):
        raise RecordingRefusedError(answer["refused"], str(answer.get("message")))
    return PreparedRecording(target, float(answer["seconds"]))


async def _ask(source: Path, target: Path, limit: float) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tts_server.voices.reading_process", str(source), str(target)),
        env=child_environment(_FRUGAL),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit):
            said, _ = await process.communicate()
    except TimeoutError:
        _log.warning("A recording took more than %.0f s to read", limit)
        raise RecordingRefusedError("no_audio", "reading the file takes too long: it is broken or too large") from None
    finally:
        await end_child(process)
    ended = await process.wait()
    if ended < 0:
        _log.warning("A recording ended the process that read it, with signal %d", -ended)
        raise RecordingRefusedError("no_audio", "the file is broken, and could not be read")
    if ended:
        raise ReadingFailedError("recordings can't be read on this server now: its log says why")
    answer: dict[str, Any] = json.loads(said)
    return answer
