"""An answer that people watch growing: replies to one message, edited at a pace that Discord allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import discord

from bot.features.text_chat.splitting import split_answer
from bot.llm.answer import TextDelta
from bot.replying import AnyMessage, reply_to

OPENING = 0.5
"""Seconds in which the first words are collected, so that a short answer comes whole."""


class LiveAnswer:
    """One answer. Methods raise :class:`discord.HTTPException`.

    Args:
        message: what is answered; it may be gone by now.
        interval: seconds between two changes, at least.
        ping: whether the message's author is notified.
        posted: what an earlier try has posted already; it is written anew.
    """

    def __init__(
        self, message: AnyMessage, interval: float, *, ping: bool = False, posted: Sequence[discord.Message] = ()
    ) -> None:
        self.text = ""
        self._message = message
        self._interval = interval
        self._ping = ping
        self._posted = list(posted)
        self._next_change = 0.0
        self._begun = asyncio.Event()

    @property
    def visible(self) -> bool:
        """Whether any of its words can be read."""
        return bool(self.text and self._posted)

    async def follow(self, pieces: AsyncIterator[TextDelta]) -> None:
        """Show ``pieces`` as they come; returns when all of them can be read. What they raise is raised here."""
        reading = asyncio.create_task(self._read(pieces))
        try:
            async with self._message.channel.typing():
                await self._begun.wait()
            await asyncio.wait({reading}, timeout=OPENING)
            while not reading.done():
                await self._show()
                await asyncio.wait({reading}, timeout=self._interval)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        reading.result()
        await self._finish()

    async def end_with(self, note: str) -> None:
        """End it here, with a word on why."""
        self.text = f"{self.text.rstrip()}\n\n{note}"
        await self._finish()

    async def _read(self, pieces: AsyncIterator[TextDelta]) -> None:
        try:
            async for piece in pieces:
                # What was shown of a thought is written over.
                self.text = piece.text if piece.retracts else self.text + piece.text
                self._begun.set()
        finally:
            self._begun.set()

    async def _finish(self) -> None:
        await self._show()
        # An earlier try may have been longer.
        kept = len(split_answer(self.text))
        for message in self._posted[kept:]:
            await message.delete()
        del self._posted[kept:]

    async def _show(self) -> None:
        for at, content in enumerate(split_answer(self.text)):
            if at >= len(self._posted):
                await self._wait_for_turn()
                await self._post(content, ping=self._ping and at == 0)
            elif self._posted[at].content != content:
                await self._wait_for_turn()
                self._posted[at] = await self._posted[at].edit(content=content)

    async def _post(self, content: str, *, ping: bool) -> None:
        """Whoever stops us then, a message on its way is waited for: nobody could tell whether to post it again."""
        posting = asyncio.ensure_future(reply_to(self._message, content, ping=ping))
        try:
            await asyncio.shield(posting)
        finally:
            self._posted.append(await posting)

    async def _wait_for_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._next_change - now)
        self._next_change = max(now, self._next_change) + self._interval
