"""Decoded music: starts the decoding process, reads its sound frame by frame, and ends it."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.voice.mixing.levels import FRAME_BYTES
from config.children import end_child, signal_child
from config.project import child_environment

OPENING_SECONDS = 120.0
"""Seconds to wait at most for the content of an attachment, and for the first sound: a piece that is played for the
first time is measured before it plays."""
SOUND_SECONDS = 20.0
"""Seconds to wait at most for further sound."""
BUFFER_BYTES = 16 * FRAME_BYTES
"""Maximum number of bytes of sound (0.3 s) that wait between the processes, besides what the pipe itself holds."""

TOO_SLOW = "It takes too long to decode."
TOO_SLOW_TO_FETCH = "It takes too long to fetch."
BROKEN = "It could not be decoded."
BROKEN_OFF = "The rest of it could not be decoded."

Content = bytes | AsyncIterator[bytes]
"""A whole file, or the pieces of a stream whose length nobody knows, as they come."""
FileSource = Path | Callable[[], Awaitable[bytes]]
"""A file, or a function that fetches the content of one."""


@dataclass(frozen=True, slots=True)
class WebSource:
    """A file or a stream on the web. ``open`` requests it, and raises :class:`MusicError` if it can't be fetched."""

    open: Callable[[], AbstractAsyncContextManager[Content]]


Source = FileSource | WebSource


class MusicError(Exception):
    """A piece can't be played. The text says why, for users."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedMusic:
    """A piece that is being decoded.

    Attributes:
        seconds: its length; 0 for a stream, whose length nobody knows.
        live: whether it is a stream whose length nobody knows. Its sound is lost if it is not played as it comes.
    """

    seconds: float
    _output: asyncio.StreamReader
    _process: asyncio.subprocess.Process | None = None
    live: bool = False
    _too_slow: str = TOO_SLOW
    """What people are told if no sound comes for :data:`SOUND_SECONDS`."""
    _statuses: Mapping[int, str] = field(default_factory=dict)
    """What people are told, by the exit status of the process. For all other statuses but 0, it is
    :data:`BROKEN_OFF`."""
    _feeding: asyncio.Task[None] | None = None
    """The task that hands the bytes of a stream to the process. If it fails, people are told its error."""

    async def frames(self) -> AsyncIterator[bytes]:
        """The sound in frames of 20 ms: stereo 16-bit PCM at 48,000 Hz. The last one may be shorter.

        Raises:
            MusicError: the sound comes too slowly, or it has ended before the piece has.
        """
        while True:
            try:
                async with asyncio.timeout(SOUND_SECONDS):
                    frame = await self._output.readexactly(FRAME_BYTES)
            except asyncio.IncompleteReadError as rest:
                if rest.partial:
                    yield rest.partial
                if self._feeding is not None and self._feeding.done():
                    self._feeding.result()
                if self._process is not None and (status := await self._process.wait()) != 0:
                    raise MusicError(self._statuses.get(status, BROKEN_OFF)) from rest
                return
            except TimeoutError as error:
                raise MusicError(self._too_slow) from error
            yield frame


@asynccontextmanager
async def decoding(source: FileSource, store: Path, *, max_seconds: float = math.inf) -> AsyncIterator[DecodedMusic]:
    """Decode a piece in a process of its own, which is gone when the context ends.

    Args:
        store: the folder in which measured loudness is kept.
        max_seconds: longer pieces are refused. Pieces of more than 90 minutes are refused in any case.

    Raises:
        MusicError: the piece can't be played.
    """
    data = None if isinstance(source, Path) else await _fetched(source)
    arguments = [str(max_seconds), str(store), *([str(source)] if data is None else [])]
    async with decoder("bot.music.decoding_process", *arguments, takes_input=data is not None) as (process, output):
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                if data is not None and process.stdin is not None:
                    # A process that refuses the file may have ended before it has read all of it.
                    with suppress(ConnectionError):
                        process.stdin.write(data)
                        await process.stdin.drain()
                    process.stdin.close()
                seconds = await stated_seconds(output)
        except TimeoutError as error:
            raise MusicError(TOO_SLOW) from error
        yield DecodedMusic(seconds, output, process)


@asynccontextmanager
async def decoder(
    module: str, *arguments: str, takes_input: bool
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """A decoding process and its output. The process is gone when the context ends.

    Args:
        module: the module that it runs.
        takes_input: whether it reads its standard input.
    """
    process = await start_decoder(module, *arguments, takes_input=takes_input)
    try:
        if process.stdout is None:
            raise MusicError(BROKEN)
        yield process, process.stdout
    finally:
        # The process is killed before anything is awaited, because a second cancellation may come at once.
        signal_child(process, signal.SIGKILL)
        await _to_the_end(asyncio.gather(end_child(process), _read_rest(process.stdout)))


async def start_decoder(module: str, *arguments: str, takes_input: bool) -> asyncio.subprocess.Process:
    """Start a decoding process; see :func:`decoder`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        env=child_environment({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}),
        stdin=asyncio.subprocess.PIPE if takes_input else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=BUFFER_BYTES,
        start_new_session=True,
    )


async def stated_seconds(output: asyncio.StreamReader) -> float:
    """The length that a decoding process states before the sound; raises :class:`MusicError` if it states a fault."""
    try:
        head = json.loads(await output.readline())
    except ValueError as error:
        raise MusicError(BROKEN) from error
    if "error" in head:
        raise MusicError(str(head["error"]))
    return float(head["seconds"])


async def _fetched(fetch: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            return await fetch()
    except TimeoutError as error:
        raise MusicError(TOO_SLOW_TO_FETCH) from error


async def _to_the_end(work: asyncio.Future[Any]) -> None:
    """Wait until ``work`` is done, which takes a moment, even if this task is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _read_rest(output: asyncio.StreamReader | None) -> None:
    """Read what an ended process has left in its pipe. Otherwise asyncio would wait for the pipe's end for ever."""
    while output is not None and await output.read(BUFFER_BYTES):
        pass
