"""The Discord message that shows the progress of a drawing, and then the drawing itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.image_generation.drawing_request import DrawingRequest, answer
from bot.features.image_generation.job import Progress
from bot.replying import ONLY_AUTHOR

_log = logging.getLogger(__name__)

EDIT_SECONDS = 1.0
"""Minimum number of seconds between two edits."""
_CELLS = 12
"""Number of characters of the progress bar."""


class ProgressMessage:
    """A reply that is edited at most about once a second. If progress can't be shown, this is only logged.

    Args:
        title: the first line of the message, which never changes.
    """

    def __init__(self, request: DrawingRequest, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._request = request
        self._title = title
        self._clock = clock
        self._message: discord.Message | None = None
        self._shown = ""
        self._edited_at = 0.0

    async def show(self, progress: Progress) -> None:
        """Show the progress, unless the last edit was less than :data:`EDIT_SECONDS` ago."""
        line = progress_line(progress)
        if line == self._shown or (self._shown and self._clock() - self._edited_at < EDIT_SECONDS):
            return
        self._shown = line
        try:
            await self._post_or_edit(line, [])
        except DISCORD_ERRORS as error:
            _log.info("Progress could not be shown: %s", discord_error_detail(error))
        self._edited_at = self._clock()

    async def finish(self, line: str, files: Sequence[discord.File] = ()) -> None:
        """Show the result.

        Raises:
            discord.HTTPException: the message can't be posted or edited.
        """
        try:
            await self._post_or_edit(line, files)
        except discord.NotFound:
            # Somebody has deleted the message, so a new one is posted.
            self._message = None
            for file in files:
                file.reset(seek=True)
            await self._post_or_edit(line, files)

    async def _post_or_edit(self, line: str, files: Sequence[discord.File]) -> None:
        content = f"{self._title}\n{line}" if line else self._title
        if self._message is None:
            self._message = await answer(self._request, content, files)
        else:
            self._message = await self._message.edit(
                content=content, attachments=list(files), allowed_mentions=ONLY_AUTHOR
            )


def progress_line(progress: Progress) -> str:
    """The progress as one line for people."""
    if progress.ahead:
        return f"⏳ In the queue, {progress.ahead} before yours."
    if progress.steps <= 0:
        return "🖌️ Drawing …"
    share = min(max(progress.step, 0), progress.steps) / progress.steps
    filled = round(share * _CELLS)
    return f"🖌️ `{'▰' * filled}{'▱' * (_CELLS - filled)}` {share:.0%}"
