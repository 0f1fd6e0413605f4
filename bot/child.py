"""The bot as a user runs it, in a process of its own, watched through its event lines."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.voice.events import CallEvent
from bot.watching.event_lines import decode_event
from config.children import end_child
from config.project import child_environment

STOP_LIMIT = 9.0
"""Seconds that the bot may take to end its call and itself before it is killed."""


BOT = ("-m", "bot")
"""What Python is to run."""


@asynccontextmanager
async def bot_process(
    settings: Mapping[str, str], log: Path, watch: Callable[[CallEvent], None], program: Sequence[str] = BOT
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``python -m bot run`` with ``settings`` (variables) over this process's own; its log is written to ``log``.

    ``program`` may wrap the bot in something that takes the same arguments. It has a session of its own: Ctrl-C
    reaches the caller alone, who ends the bot by leaving.
    """
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *("run", "--events", "--exit-with-parent", str(os.getpid())),
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
        await end_child(process, STOP_LIMIT)
        await reading


async def _read_events(process: asyncio.subprocess.Process, watch: Callable[[CallEvent], None]) -> None:
    if process.stdout is None:
        return
    async for line in process.stdout:
        watch(decode_event(line))
