"""The answer to ``join``: shows the progress while the voice is being loaded, then the result."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord.ext import commands

from bot.discord_errors import DISCORD_ERRORS

EDIT_SECONDS = 1.5
"""Seconds between two edits. Discord allows about one per second."""
LOADING = "⏳ Loading my voice: {percent} %"


class LoadingAnswer:
    """The answer to one command. Before :meth:`report` is called, no progress is shown."""

    def __init__(self, ctx: commands.Context[Any]) -> None:
        self._ctx = ctx
        self._message: discord.Message | None = None
        self._progress = 0.0
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()

    def report(self, progress: float) -> None:
        """Set the progress of loading, 0 to 1."""
        self._progress = progress
        self._changed.set()

    @asynccontextmanager
    async def showing_progress(self) -> AsyncIterator[None]:
        """Show the reported progress while the block runs. If the block raises, the message is deleted."""
        showing = asyncio.create_task(self._show(), name="loading the voice")
        try:
            yield
        except BaseException:
            await self._end(showing)
            if self._message is not None:
                with contextlib.suppress(*DISCORD_ERRORS):
                    await self._message.delete()
            raise
        await self._end(showing)

    async def finish(self, text: str) -> None:
        """Show the final answer."""
        if self._message is not None:
            with contextlib.suppress(*DISCORD_ERRORS):
                await self._message.edit(content=text)
                return
        await self._ctx.send(text)

    async def _show(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._writing:
                await self._write(LOADING.format(percent=round(100 * self._progress)))
            await asyncio.sleep(EDIT_SECONDS)

    async def _write(self, text: str) -> None:
        # If the message can't be sent or edited, the voice is loaded all the same.
        with contextlib.suppress(*DISCORD_ERRORS):
            if self._message is None:
                self._message = await self._ctx.send(text)
            else:
                await self._message.edit(content=text)

    async def _end(self, showing: asyncio.Task[None]) -> None:
        # A write in progress is finished first. If it were cancelled, its message might appear, but never be updated.
        async with self._writing:
            showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
