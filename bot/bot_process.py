"""Runs the bot in a child process and reads its event lines."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.voice.events import CallEvent
from bot.watching.event_lines import decode_event
from config.children import end_child
from config.project import child_environment

STOP_LIMIT = 9.0
"""Seconds that the bot gets to end its call and exit. After that, it is killed."""


BOT = ("-m", "bot")
"""The arguments with which Python runs the bot."""


@asynccontextmanager
async def bot_process(
    settings: Mapping[str, str],
    log: Path,
    watch: Callable[[CallEvent], None],
    program: Sequence[str] = BOT,
    *,
    command: str = "run",
    warm_up: bool = False,
    ending: signal.Signals = signal.SIGTERM,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the bot in a child process. Leaving the context ends it.

    The child has its own session, so Ctrl-C reaches only the caller.

    Args:
        settings: environment variables, added to those of this process.
        log: the file for the bot's log.
        watch: called with each event that the bot reports.
        program: another program to run, which takes the same arguments as the bot.
        command: the bot's command, ``run`` or ``talk``.
        warm_up: whether the bot loads its engines at the start. ``talk`` always does.
        ending: the signal that ends the bot. After SIGTERM, it expects to be started again, and tells people so.
    """
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *(command, "--events", "--exit-with-parent", str(os.getpid())),
            *(("--warm-up",) if warm_up else ()),
            env=child_environment(settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
            start_new_session=True,
        )
    reading = asyncio.create_task(_read_events(process, watch), name="bot events")
    try:
        yield process
    finally:
        await end_child(process, STOP_LIMIT, ending)
        await reading


async def _read_events(process: asyncio.subprocess.Process, watch: Callable[[CallEvent], None]) -> None:
    if process.stdout is None:
        return
    async for line in process.stdout:
        watch(decode_event(line))
