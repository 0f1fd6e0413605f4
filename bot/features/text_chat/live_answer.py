"""An answer that people watch growing: replies to one message, edited at a pace that Discord allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import discord

from bot.features.text_chat.splitting import split_answer

OPENING = 0.5
"""Seconds in which the first words are collected, so that a short answer comes whole."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an answer may change: seconds between two changes, and the clock (in seconds) that they are told by."""

    interval: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class LiveAnswer:
    """One answer. Methods raise :class:`discord.HTTPException`.

    Args:
        message: what is answered.
        ping: whether its author is notified.
        posted: what an earlier try has posted already; it is written anew.
    """

    def __init__(
        self, message: discord.Message, pace: Pace, *, ping: bool = False, posted: Sequence[discord.Message] = ()
    ) -> None:
        self.text = ""
        self._message = message
        self._pace = pace
        self._ping = ping
        self._posted = list(posted)
        self._next_change = float("-inf")

    @property
    def visible(self) -> bool:
        """Whether anything of it has been posted."""
        return bool(self._posted)

    async def follow(self, pieces: AsyncIterator[str]) -> None:
        """Show ``pieces`` as they come; returns when all of them can be read."""
        async with self._message.channel.typing():
            await self._collect_opening(pieces)
        await self._show()
        async for piece in pieces:
            self.text += piece
            if self._pace.clock() >= self._next_change:
                await self._show()
        await self._show()
        await self._delete_leftovers()

    async def end_with(self, note: str) -> None:
        """End it here, with a word on why."""
        self.text = f"{self.text.rstrip()}\n\n{note}"
        await self._show()
        await self._delete_leftovers()

    async def _collect_opening(self, pieces: AsyncIterator[str]) -> None:
        show_at = float("inf")
        async for piece in pieces:
            self.text += piece
            show_at = min(show_at, self._pace.clock() + OPENING)
            if self._pace.clock() >= show_at:
                return

    async def _show(self) -> None:
        for at, content in enumerate(split_answer(self.text)):
            if at >= len(self._posted):
                await self._wait_for_turn()
                self._posted.append(await self._message.reply(content, mention_author=self._ping and at == 0))
            elif self._posted[at].content != content:
                await self._wait_for_turn()
                self._posted[at] = await self._posted[at].edit(content=content)

    async def _wait_for_turn(self) -> None:
        wait = self._next_change - self._pace.clock()
        if wait > 0:
            await self._pace.sleep(wait)
        self._next_change = self._pace.clock() + self._pace.interval

    async def _delete_leftovers(self) -> None:
        """An earlier try may have been longer."""
        kept = len(split_answer(self.text))
        for message in self._posted[kept:]:
            await message.delete()
        del self._posted[kept:]
