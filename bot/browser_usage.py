"""The command ``usage`` typed in a browser call: the person's own figures, and the sums of everything."""

from __future__ import annotations

import aiosqlite

from bot.usage.report import UsageReport
from bot.user_error import UserError

YOURS = "📊 **What you have used**"
ALL = "📊 **What I have used**, for everybody"
NOT_READ = "❌ I can't read my database just now. Please try again later."
HOW = "❓ `{prefix}usage` shows your figures and the sums. Other people's are for Discord."


class BrowserUsage:
    """Carries out the command. Whoever may open the page runs the bot or was given its token, so they see the sums.

    Args:
        prefix: the characters that a command begins with.
    """

    def __init__(self, report: UsageReport, prefix: str) -> None:
        self._report = report
        self._prefix = prefix

    async def show(self, person: int, words: str) -> str:
        """The answer for a person; raises :class:`~bot.user_error.UserError`."""
        if words:
            raise UserError(HOW.format(prefix=self._prefix))
        try:
            own = await self._report.of_person(person, YOURS, whose=" by you")
            return "\n\n".join((own, await self._report.overview(ALL, None)))
        except aiosqlite.Error as error:
            raise UserError(NOT_READ) from error
