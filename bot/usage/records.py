"""The stored figures of usage. All methods may raise :class:`aiosqlite.Error`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.database import Records
from bot.database.connection import Row
from bot.usage.ledger import NOBODY_ID, Amounts, Engine, UsageKey

_SUMS = "SUM(requests), SUM(prompt_tokens), SUM(answer_tokens), SUM(milliseconds)"
_ADD = """
INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    answer_tokens = answer_tokens + excluded.answer_tokens,
    milliseconds = milliseconds + excluded.milliseconds
"""
_DISOWN = f"""
INSERT INTO usage SELECT day, place, {NOBODY_ID}, engine, server, paid, {_SUMS} FROM usage WHERE person = ?
GROUP BY day, place, engine, server, paid
ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    answer_tokens = answer_tokens + excluded.answer_tokens,
    milliseconds = milliseconds + excluded.milliseconds
"""  # noqa: S608
MOST_SHOWN = 10
"""Maximum number of people, and of engines' servers, whose sums are read."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which figures are meant.

    Attributes:
        since: the first day.
        place: only those of this place; ``None`` for all.
        person: only those of this person; ``None`` for all.
    """

    since: date
    place: int | None = None
    person: int | None = None

    @property
    def condition(self) -> tuple[str, Row]:
        """The condition in SQL, and its values."""
        parts = {"day >= ?": self.since.isoformat(), "place = ?": self.place, "person = ?": self.person}
        used = {part: value for part, value in parts.items() if value is not None}
        return " AND ".join(used), tuple(used.values())


@dataclass(frozen=True, slots=True)
class ServerUse:
    """What was used of one server of an engine."""

    engine: Engine
    server: str
    paid: bool
    amounts: Amounts


class UsageRecords(Records):
    """Reads and writes the table ``usage``."""

    async def add(self, figures: Iterable[tuple[UsageKey, Amounts]]) -> None:
        """Add figures to those that are stored."""
        await self._database.write_many(_ADD, [_row(key, amounts) for key, amounts in figures])

    async def since(self, day: date) -> list[tuple[UsageKey, Amounts]]:
        """All figures from a day on."""
        rows = await self._database.rows("SELECT * FROM usage WHERE day >= ?", day.isoformat())
        return [(_key(row), Amounts(*row[6:])) for row in rows]

    async def of_person(self, person: int) -> list[tuple[UsageKey, Amounts]]:
        """All figures of a person, the oldest first."""
        rows = await self._database.rows("SELECT * FROM usage WHERE person = ? ORDER BY day, place", person)
        return [(_key(row), Amounts(*row[6:])) for row in rows]

    async def disown(self, person: int) -> int:
        """Forget whose use it was: add a person's figures to those of nobody. Returns how many there were."""
        deleted = ("DELETE FROM usage WHERE person = ?", (person,))
        return (await self._database.write_together((_DISOWN, (person,)), deleted))[-1]

    async def forget_before(self, day: date) -> None:
        """Delete the figures of the days before ``day``."""
        await self._database.write("DELETE FROM usage WHERE day < ?", day.isoformat())

    async def keep_newest(self, most: int, today: date) -> None:
        """Delete the oldest days until there are at most ``most`` figures. Those of today stay in any case."""
        while (await self._count()) > most:
            oldest = await self._database.row("SELECT MIN(day) FROM usage")
            if oldest is None or oldest[0] >= today.isoformat():
                return
            await self._database.write("DELETE FROM usage WHERE day = ?", oldest[0])

    async def by_day(self, scope: Scope) -> list[tuple[date, Amounts]]:
        """The sums of each day, the newest first."""
        rows = await self._sums("day", scope, "ORDER BY day DESC")
        return [(date.fromisoformat(day), Amounts(*sums)) for day, *sums in rows]

    async def by_server(self, scope: Scope) -> list[ServerUse]:
        """The sums of each server, the largest first."""
        columns = "engine, server, paid"
        rows = await self._sums(columns, scope, f"ORDER BY {_SIZE} LIMIT {MOST_SHOWN}")
        return [ServerUse(Engine(engine), name, bool(paid), Amounts(*sums)) for engine, name, paid, *sums in rows]

    async def paid(self, scope: Scope) -> Amounts:
        """The sum of what was used of servers that cost money."""
        condition, values = scope.condition
        row = await self._database.row(
            f"SELECT {_SUMS} FROM usage WHERE {condition} AND paid",  # noqa: S608
            *values,
        )
        # The sums of no rows are empty.
        return Amounts(*(value or 0 for value in row or ()))

    async def by_person(self, scope: Scope) -> list[tuple[int, Amounts]]:
        """The sums of each person, the largest first."""
        rows = await self._sums("person", scope, f"ORDER BY {_SIZE} LIMIT {MOST_SHOWN}")
        return [(person, Amounts(*sums)) for person, *sums in rows]

    async def _sums(self, columns: str, scope: Scope, order: str) -> Sequence[Sequence[Any]]:
        condition, values = scope.condition
        return await self._database.rows(
            f"SELECT {columns}, {_SUMS} FROM usage WHERE {condition} GROUP BY {columns} {order}",  # noqa: S608
            *values,
        )

    async def _count(self) -> int:
        row = await self._database.row("SELECT COUNT(*) FROM usage")
        return 0 if row is None else int(row[0])


_SIZE = "SUM(prompt_tokens + answer_tokens) DESC, SUM(milliseconds) DESC"


def _row(key: UsageKey, amounts: Amounts) -> Row:
    return (
        key.day.isoformat(),
        *(key.place, key.person, key.engine.value, key.server, int(key.paid)),
        *(amounts.requests, amounts.prompt_tokens, amounts.answer_tokens, amounts.milliseconds),
    )


def _key(row: Row) -> UsageKey:
    day, place, person, engine, server, paid = row[:6]
    return UsageKey(date.fromisoformat(day), place, person, Engine(engine), server, bool(paid))
