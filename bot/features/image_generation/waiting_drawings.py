"""Drawings that people asked for in a call. They are drawn when the call has ended."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail, discord_error_text
from bot.features.image_generation.drawing_request import SpokenRequest, answer
from bot.features.image_generation.outcome import DrawingError
from bot.text import shorten
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

MAX_WAITING = 10
"""Maximum number of drawings that wait."""
FULL = "too many drawings wait for the end of the call already"
NOT_DRAWN = "👋 I'm restarting, so I did not draw this: “{prompt}” Ask me again when I am back."
SHOWN_CHARS = 300
"""Maximum number of characters that are shown of a prompt that was not drawn."""
GIVE_UP_LIMIT = 3.0
"""Seconds in which people must be told that their drawings are given up."""
ONE_EACH = "one drawing of this person waits for the end of the call already"


class WaitingDrawings:
    """Drawings that wait. They are drawn one after another, and forgotten at the end of the process.

    Args:
        draw: draws a picture and posts it.
        held: tells whether drawing is paused.
    """

    def __init__(self, draw: Callable[[SpokenRequest, str], Awaitable[None]], held: Callable[[], bool]) -> None:
        self._draw = draw
        self._held = held
        self._waiting: deque[tuple[SpokenRequest, str]] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, request: SpokenRequest, prompt: str) -> None:
        """Add a drawing, and begin at once if drawing is not paused.

        Raises:
            DrawingError: too many drawings wait, or one of this person waits already.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise DrawingError(FULL)
        if any(other.author.id == request.author.id for other, _ in self._waiting):
            raise DrawingError(ONE_EACH)
        self._waiting.append((request, prompt))
        self.begin()

    def begin(self) -> None:
        """Draw what waits, unless this is being done already or drawing is paused."""
        if self._waiting and not self._held() and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="drawings of the last call")

    async def give_up(self) -> None:
        """Forget what waits, and tell those who have asked for it, within :data:`GIVE_UP_LIMIT`."""
        waiting, self._waiting = self._waiting, deque()
        try:
            async with asyncio.timeout(GIVE_UP_LIMIT):
                for request, prompt in waiting:
                    shown = discord.utils.escape_markdown(shorten(prompt, SHOWN_CHARS))
                    await answer(request, NOT_DRAWN.format(prompt=shown))
        except DISCORD_ERRORS as error:
            _log.warning("Somebody could not be told that a drawing was given up: %s", discord_error_text(error))

    async def close(self) -> None:
        """Stop drawing, and forget what waits."""
        self._waiting.clear()
        if self._task is not None:
            await end_tasks(self._task)

    async def _run(self) -> None:
        while self._waiting and not self._held():
            request, prompt = self._waiting.popleft()
            try:
                await self._draw(request, prompt)
            except DISCORD_ERRORS as error:
                line = "A drawing that was asked for in a call could not be posted: %s"
                _log.warning(line, discord_error_detail(error))
