"""The answer to ``!join``: while the voice is being loaded it says how far that is, and then that we are there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord.ext import commands

EVERY = 1.5
"""Seconds between two edits; Discord lets a bot make about one a second."""
LOADING = "⏳ Loading my voice: {percent} %"


class LoadingAnswer:
    """One answer to one command; it is a message of its own only if there was something to wait for."""

    def __init__(self, ctx: commands.Context[Any]) -> None:
        self._ctx = ctx
        self._message: discord.Message | None = None
        self._progress = 0.0
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def report(self, progress: float) -> None:
        """It is loaded so far, 0 to 1."""
        self._progress = progress
        self._news.set()

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show what is reported while the block runs; where it fails, the message goes."""
        showing = asyncio.create_task(self._show(), name="loading the voice")
        try:
            yield
        except BaseException:
            await self._end(showing)
            if self._message is not None:
                with contextlib.suppress(discord.HTTPException):
                    await self._message.delete()
            raise
        await self._end(showing)

    async def finish(self, text: str) -> None:
        """The answer proper."""
        if self._message is not None:
            with contextlib.suppress(discord.HTTPException):
                await self._message.edit(content=text)
                return
        await self._ctx.send(text)

    async def _show(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            async with self._writing:
                await self._write(LOADING.format(percent=round(100 * self._progress)))
            await asyncio.sleep(EVERY)

    async def _write(self, text: str) -> None:
        # A message that can't be written or was deleted meanwhile is no reason to give up the call.
        with contextlib.suppress(discord.HTTPException):
            if self._message is None:
                self._message = await self._ctx.send(text)
            else:
                await self._message.edit(content=text)

    async def _end(self, showing: asyncio.Task[None]) -> None:
        # Not in the middle of writing, or there would be a message that nobody knows of.
        async with self._writing:
            showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
