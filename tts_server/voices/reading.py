"""Reads uploaded sound files into recordings that voices can be made from."""

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
"""If reading one file takes longer than this many seconds, the file is refused."""
READER = "tts_server.voices.reading_process"
"""The module that the child process runs."""
# The child process has little memory, and every thread of a library reserves some of it.
LOW_MEMORY_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}

_log = logging.getLogger(__name__)


class ReadingFailedError(RuntimeError):
    """The server could not read the file. The file itself may be fine. The log says more."""


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """Trimmed and levelled speech: a FLAC file, mono, 24,000 Hz."""

    path: Path
    seconds: float


async def read_recording(source: Path, target: Path, limit: float = MAX_SECONDS) -> PreparedRecording:
    """Decode, trim and level ``source`` into ``target``, in a child process that has ended when this returns.

    Raises:
        RecordingRefusedError: the recording can't be used.
        ReadingFailedError: the server could not read the file.
    """
    # Most unusable files are refused here, without the cost of a process.
    await asyncio.to_thread(detect_format, source)
    answer = await _ask(source, target, limit)
    if answer.get("refused") in get_args(RefusalCode):
        raise RecordingRefusedError(answer["refused"], str(answer.get("message")))
    return PreparedRecording(target, float(answer["seconds"]))


async def start_reader(source: Path, target: Path) -> asyncio.subprocess.Process:
    """Start :mod:`tts_server.voices.reading_process` for one file; its standard output is piped."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", READER, str(source), str(target)),
        env=child_environment(LOW_MEMORY_ENVIRONMENT),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )


async def _ask(source: Path, target: Path, limit: float) -> dict[str, Any]:
    process = await start_reader(source, target)
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
        _log.warning("The process that read a recording was ended by signal %d", -ended)
        raise RecordingRefusedError("no_audio", "the file is broken, and could not be read")
    if ended:
        raise ReadingFailedError("recordings can't be read on this server now: its log says why")
    answer: dict[str, Any] = json.loads(said)
    return answer
