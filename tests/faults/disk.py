"""The disk under the bot's database: full, stuck, slow, or with other bytes than were written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import psutil

from tests.faults.things import Fault
from tests.tracing import require_strace

SMALL = 4_096
"""Bytes of the largest file that may be written: less than a page of the database's log takes."""
SLOW_MS = 100
"""Milliseconds of each write and each fsync on a slow disk: about ten times what an old one needs for an fsync."""
_WRITES = "pwrite64,fsync,fdatasync"


@contextmanager
def full_disk(database: Path, process: int) -> Iterator[None]:
    """No file of the process can grow, as on a full disk."""
    bot = psutil.Process(process)
    usual = bot.rlimit(psutil.RLIMIT_FSIZE)
    bot.rlimit(psutil.RLIMIT_FSIZE, (SMALL, usual[1]))
    try:
        yield
    finally:
        bot.rlimit(psutil.RLIMIT_FSIZE, usual)


@contextmanager
def lock(database: Path, process: int) -> Iterator[None]:
    """Another program writes to the database, and does not come to an end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def damage(database: Path, process: int) -> Iterator[None]:
    """Every byte of the file changes. The damage stays after the block."""
    with database.open("r+b") as file:
        file.write(b"damaged " * (database.stat().st_size // 8))
    yield


@asynccontextmanager
async def slow_disk(database: Path, process: int) -> AsyncIterator[None]:
    """Each write to the database, and each wait for the disk, takes :data:`SLOW_MS`."""
    require_strace()
    files = [part for end in ("", "-wal", "-shm") for part in ("-P", f"{database}{end}")]
    tracer = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-qq", "-o", "/dev/null", "-p", str(process), *files, "-e", f"trace={_WRITES}"),
        *("-e", f"inject={_WRITES}:delay_exit={SLOW_MS * 1000}"),
    )
    try:
        yield
    finally:
        tracer.terminate()
        await tracer.wait()


class Disk:
    """The disk of a bot.

    Args:
        database: the bot's database.
        process: the id of its process.
    """

    def __init__(self, database: Path, process: int) -> None:
        self._database = database
        self._process = process
        self._broken = AsyncExitStack()

    async def break_down(self, fault: Fault) -> None:
        if fault is Fault.SLOW:
            await self._broken.enter_async_context(slow_disk(self._database, self._process))
            return
        broken = {Fault.KILLED: full_disk, Fault.BACK: full_disk, Fault.HUNG: lock, Fault.RUBBISH: damage}[fault]
        self._broken.enter_context(broken(self._database, self._process))

    async def heal(self) -> None:
        await self._broken.aclose()
