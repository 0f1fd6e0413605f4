"""A message that shows how long something has been going on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord

EVERY = 5.0
"""Seconds; Discord lets a bot edit about once a second, and there are other messages."""


@asynccontextmanager
async def ticking(message: discord.Message, text: str) -> AsyncIterator[None]:
    """Show ``text`` and the seconds that have passed, for as long as the block takes."""
    ticker = asyncio.create_task(_tick(message, text), name="progress of a command")
    try:
        yield
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def _tick(message: discord.Message, text: str) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        # A message that was deleted meanwhile is no reason to give up the work.
        with contextlib.suppress(discord.HTTPException):
            await message.edit(content=f"{text} ({time.monotonic() - began:.0f} s)")
