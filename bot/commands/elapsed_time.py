"""Shows in a Discord message how long a command has been running."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord

from bot.discord_errors import DISCORD_ERRORS
from config.tasks import end_tasks

EDIT_SECONDS = 5.0
"""Seconds between two edits. Discord allows about one per second, and other messages are edited too."""


@asynccontextmanager
async def show_elapsed(message: discord.Message, text: str) -> AsyncIterator[None]:
    """Show ``text`` and the elapsed seconds in ``message`` while the block runs."""
    ticker = asyncio.create_task(_tick(message, text), name="progress of a command")
    try:
        yield
    finally:
        await end_tasks(ticker)


async def _tick(message: discord.Message, text: str) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(EDIT_SECONDS)
        # If an edit fails, the next edit is tried all the same.
        with contextlib.suppress(*DISCORD_ERRORS):
            await message.edit(content=f"{text} ({time.monotonic() - began:.0f} s)")
