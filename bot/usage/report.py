"""The words in which people read what was used: their own figures, and the sums by day, engine and person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from bot.text import shorten
from bot.usage.ledger import NOBODY_ID, NOTHING, Amounts, Engine
from bot.usage.records import MOST_SHOWN, Scope, ServerUse
from bot.usage.usage import Usage

DAYS = 7
"""Number of days that are shown, today among them."""
MAX_NAME = 60
"""Maximum number of characters of the name of an engine's server."""
NONE = "📊 Nothing has been used{whose} in the last {days} days."
NOBODY_NAMED = "nobody in particular"
_ENGINES = {Engine.MIND: "model", Engine.VOICE: "voice", Engine.EARS: "ears"}


class UsageReport:
    """Answers the command ``usage``. Its methods may raise :class:`aiosqlite.Error`."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    async def of_person(self, person: int, title: str, place: int | None = None, whose: str = "") -> str:
        """A person's figures of today and of the last days.

        Args:
            title: the first line.
            place: only what was used in this place; ``None`` for all places.
            whose: whose figures they are, such as ``" by you"``.
        """
        await self._usage.store()
        scope = Scope(self._since, place, person)
        days = await self._usage.records.by_day(scope)
        if not days:
            return NONE.format(whose=whose, days=DAYS)
        today, sum_of_days = _sums(days, self._usage.ledger.today())
        servers = _server_lines(await self._usage.records.by_server(scope))
        return "\n".join([title, f"Today: {amounts_text(today)}", f"Last {DAYS} days: {sum_of_days}", *servers])

    async def overview(
        self, title: str, place: int | None, name_of: Callable[[int], str] | None = None, whose: str = ""
    ) -> str:
        """The sums of a place by day, by the server of each engine, and by person.

        Args:
            title: the first line.
            place: only what was used in this place; ``None`` for all places.
            name_of: returns how a person is shown, by user id; ``None`` if people are not shown.
            whose: whose figures they are, such as ``" by you"``.
        """
        await self._usage.store()
        scope = Scope(self._since, place)
        days = await self._usage.records.by_day(scope)
        if not days:
            return NONE.format(whose=whose, days=DAYS)
        _, sum_of_days = _sums(days, self._usage.ledger.today())
        lines = [title, f"Last {DAYS} days: {sum_of_days}"]
        today = self._usage.ledger.today()
        here = None if place is None else await self._usage.records.paid(Scope(today, place))
        lines += self._usage.limits.summary(here)
        lines += [f"- {day:%a %d %b}: {amounts_text(amounts)}" for day, amounts in days]
        lines += _server_lines(await self._usage.records.by_server(scope))
        if name_of is not None:
            lines += _people_lines(await self._usage.records.by_person(scope), name_of)
        return "\n".join(lines)

    @property
    def _since(self) -> date:
        return self._usage.ledger.today() - timedelta(days=DAYS - 1)


def amounts_text(amounts: Amounts) -> str:
    """How much was used, in words: "12,300 tokens (300 written) · 3.2 min of speech"."""
    parts = []
    if amounts.tokens:
        parts.append(f"{amounts.tokens:,} tokens ({amounts.answer_tokens:,} written)")
    if amounts.milliseconds:
        parts.append(f"{duration_text(amounts.milliseconds / 1000)} of speech")
    return " · ".join(parts) or "nothing"


def duration_text(seconds: float) -> str:
    """A duration of sound: "42 s" or "3.2 min"."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:,.1f} min"


def _sums(days: Iterable[tuple[date, Amounts]], today: date) -> tuple[Amounts, str]:
    by_day = dict(days)
    return by_day.get(today, NOTHING), amounts_text(sum(by_day.values(), NOTHING))


def _server_lines(servers: list[ServerUse]) -> list[str]:
    shown = [
        f"- `{shorten(each.server, MAX_NAME).replace('`', '')}` ({_ENGINES[each.engine]}"
        f"{', costs money' if each.paid else ''}): {amounts_text(each.amounts)}"
        for each in servers
    ]
    return ["By engine:", *shown, *_more(servers)]


def _people_lines(people: list[tuple[int, Amounts]], name_of: Callable[[int], str]) -> list[str]:
    shown = [
        f"- {NOBODY_NAMED if person == NOBODY_ID else name_of(person)}: {amounts_text(amounts)}"
        for person, amounts in people
    ]
    return ["By person:", *shown, *_more(people)]


def _more(listed: list[ServerUse] | list[tuple[int, Amounts]]) -> list[str]:
    return [f"- … only the first {MOST_SHOWN} are shown"] if len(listed) >= MOST_SHOWN else []
