"""The command ``usage`` typed in a browser call: the person's own figures, and the sums of everything."""

from __future__ import annotations

import aiosqlite

from bot.text import shorten
from bot.usage.report import MAX_NAME, UsageReport
from bot.user_error import UserError
from config.spelling import comparable

YOURS = "📊 **What you have used**"
ALL = "📊 **What I have used**, for everybody"
NOT_READ = "❌ I can't read my database just now. Please try again later."
OTHERS = (
    "❌ I see nobody called `{name}` on this page but {own}. `{prefix}usage` shows your figures and the sums; other "
    "people's figures are shown on Discord."
)


class BrowserUsage:
    """Carries out the command ``usage``.

    Everybody who can open the page sees the sums, since they run the bot or were given the page's token.

    Args:
        prefix: the characters that a command begins with.
    """

    def __init__(self, report: UsageReport, prefix: str) -> None:
        self._report = report
        self._prefix = prefix

    async def show(self, person: int, name: str, words: str) -> str:
        """The answer for a person with this name; raises :class:`~bot.user_error.UserError`.

        Args:
            words: whose figures are wanted; "" for the person's own.
        """
        wanted = words.strip().removeprefix("@").strip()
        if comparable(wanted) not in ("", comparable(name)):
            shown = shorten(wanted, MAX_NAME).replace("`", "'")
            raise UserError(OTHERS.format(name=shown, own=name, prefix=self._prefix))
        try:
            own = await self._report.of_person(person, YOURS, whose=" by you")
            return "\n\n".join((own, await self._report.overview(ALL, None)))
        except aiosqlite.Error as error:
            raise UserError(NOT_READ) from error
