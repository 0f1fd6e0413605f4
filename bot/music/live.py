"""Streams of the web, such as radio: fetched, decoded and played at the same time, and never kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bot.music.decoding import DecodedMusic, MusicError, Source, WebSource, decoder, decoding, stated_seconds
from bot.music.live_process import MAX_HOURS, TOO_LONG

OPENING_SECONDS = 30.0
"""Seconds to wait at most for the first sound."""
BYTES_A_SECOND, BURST_BYTES = 512 * 1024, 1024 * 1024
"""Largest number of bytes of a stream that the decoder gets in a second, and at once. No radio needs as much.

So a stream that is no sound at all costs little work.
"""

TOO_SLOW = "Its server sends too little sound."
STATUSES = {TOO_LONG: f"It has played for {MAX_HOURS} hours, which is the limit."}
"""What people are told, by the exit status of the decoder."""


class Pace:
    """Limits the rate at which bytes are handed on. It uses the event loop's clock."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._due = self._clock() - BURST_BYTES / BYTES_A_SECOND

    async def take(self, count: int) -> None:
        """Wait until ``count`` bytes may be handed on."""
        now = self._clock()
        self._due = max(self._due, now - BURST_BYTES / BYTES_A_SECOND) + count / BYTES_A_SECOND
        if self._due > now:
            await asyncio.sleep(self._due - now)


@asynccontextmanager
async def source_decoding(source: Source, store: Path) -> AsyncIterator[DecodedMusic]:
    """Decode a file or a stream in a process of its own, which is gone when the context ends.

    Args:
        store: the folder in which measured loudness of files is kept.

    Raises:
        MusicError: it can't be played.
    """
    async with AsyncExitStack() as stack:
        if isinstance(source, WebSource):
            content = await stack.enter_async_context(source.open())
            if not isinstance(content, bytes):
                yield await stack.enter_async_context(_live(content))
                return
            # The connection is of no use any more.
            await stack.aclose()
            file = content

            async def source() -> bytes:
                return file

        yield await stack.enter_async_context(decoding(source, store))


@asynccontextmanager
async def _live(pieces: AsyncIterator[bytes]) -> AsyncIterator[DecodedMusic]:
    """Decode a stream while it comes. No more of it is held than fits into the pipes on its way."""
    async with decoder("bot.music.live_process", takes_input=True) as (process, output):
        feeding = asyncio.create_task(_feed(pieces, process.stdin), name="music: fetching")
        try:
            await _begun(output, feeding)
            yield DecodedMusic(
                0.0, output, process, live=True, _too_slow=TOO_SLOW, _statuses=STATUSES, _feeding=feeding
            )
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])


async def _begun(output: asyncio.StreamReader, feeding: asyncio.Task[None]) -> None:
    """Wait until the decoder has the first sound."""
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            await stated_seconds(output)
    except TimeoutError as error:
        raise MusicError(TOO_SLOW) from error
    except MusicError:
        # If the stream has broken off, that is why it can't be decoded.
        if feeding.done():
            feeding.result()
        raise


async def _feed(pieces: AsyncIterator[bytes], into: asyncio.StreamWriter | None) -> None:
    """Hand on what comes, until the stream or the process ends."""
    if into is None:
        return
    pace = Pace()
    try:
        # The process may end before the stream does.
        with suppress(ConnectionError):
            async for piece in pieces:
                await pace.take(len(piece))
                into.write(piece)
                await into.drain()
    finally:
        into.close()
