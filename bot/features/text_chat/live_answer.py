"""A streamed answer: Discord replies that are edited as text arrives, within Discord's rate limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import discord

from bot.features.text_chat.splitting import split_answer
from bot.llm.answer import TextDelta
from bot.replying import AnyMessage, reply_to
from config.tasks import end_tasks

FIRST_POST_DELAY = 0.5
"""Seconds between the first words and the first post, so that a short answer is posted in one piece."""


class LiveAnswer:
    """One streamed answer. All methods may raise :class:`discord.HTTPException`.

    Args:
        message: the message that is answered. It may have been deleted.
        interval: the shortest time between two edits or posts, in seconds.
        ping: whether the author of ``message`` is notified.
        posted: the messages that an earlier attempt has posted. They are edited to the new text.
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
        """Whether any text was posted."""
        return bool(self.text and self._posted)

    async def stream(self, pieces: AsyncIterator[TextDelta]) -> None:
        """Post the pieces as they arrive. Returns after the last edit. Errors of the iterator are passed on."""
        reading = asyncio.create_task(self._read(pieces))
        try:
            async with self._message.channel.typing():
                await self._begun.wait()
            await asyncio.wait({reading}, timeout=FIRST_POST_DELAY)
            while not reading.done():
                await self._show()
                await asyncio.wait({reading}, timeout=self._interval)
        finally:
            await end_tasks(reading)
        reading.result()
        await self._finish()

    async def end_with(self, note: str) -> None:
        """Append a note to the text, and post it."""
        self.text = f"{self.text.rstrip()}\n\n{note}"
        await self._finish()

    async def _read(self, pieces: AsyncIterator[TextDelta]) -> None:
        try:
            async for piece in pieces:
                # A retraction replaces all text so far, because that text was a thought of the model.
                self.text = piece.text if piece.retracts else self.text + piece.text
                self._begun.set()
        finally:
            self._begun.set()

    async def _finish(self) -> None:
        await self._show()
        # An earlier attempt may have posted more messages than this answer needs. They are deleted.
        kept = len(split_answer(self.text))
        for message in self._posted[kept:]:
            await message.delete()
        del self._posted[kept:]

    async def _show(self) -> None:
        for at, content in enumerate(split_answer(self.text)):
            if at >= len(self._posted):
                async with self._change():
                    await self._post(content, ping=self._ping and at == 0)
            elif self._posted[at].content != content:
                async with self._change():
                    self._posted[at] = await self._posted[at].edit(content=content)

    async def _post(self, content: str, *, ping: bool) -> None:
        """Post a message. A cancellation waits for the request, so that a posted message is always in ``_posted``."""
        posting = asyncio.ensure_future(reply_to(self._message, content, ping=ping))
        try:
            await asyncio.shield(posting)
        finally:
            self._posted.append(await posting)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """Wait until a change is due. The block makes it. The next change is due one interval after the block's end.

        If the interval began with the block, the next change could follow a delayed request too closely.
        """
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next_change - loop.time())
        try:
            yield
        finally:
            self._next_change = loop.time() + self._interval
