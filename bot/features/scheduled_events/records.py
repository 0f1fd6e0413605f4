"""The schedule, as it survives a restart."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records, Row

MAX_EVENTS = 50
"""A server."""

_EVENTS = (
    "SELECT id, guild, channel, author, cron, text, file_name, skip, settled_at, owed, disabled, "
    "EXISTS (SELECT 1 FROM scheduled_event_refusal WHERE event = scheduled_event.id) FROM scheduled_event"
)


class ScheduleFullError(Exception):
    """A server has as many events as it may have."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file that is posted."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class EventDraft:
    """What is to be posted where, at the times of ``cron``; ``skip``: what a call delays is left out."""

    guild: int
    channel: int
    author: int
    cron: str
    text: str
    file: EventFile | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A row. Until ``settled_at`` (seconds since 1970) nothing is left to do, but for one post if it is ``owed``.

    ``refused``: the last time the bot was not allowed to post it.
    """

    id: int
    guild: int
    channel: int
    author: int
    cron: str
    text: str
    file_name: str | None
    skip: bool
    settled_at: float
    owed: bool
    disabled: bool
    refused: bool = False


class ScheduleRecords(Records):
    """The table. Methods may raise :class:`aiosqlite.Error`."""

    async def add(self, draft: EventDraft, now: float) -> int:
        """Keep a new event; returns its id.

        Raises:
            ScheduleFullError: there are too many already.
        """
        row = await self._database.row(
            "INSERT INTO scheduled_event (guild, channel, author, cron, text, file_name, file, skip, settled_at) "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 "
            "WHERE (SELECT count(*) FROM scheduled_event WHERE guild = ?1) < ?10 RETURNING id",
            draft.guild,
            draft.channel,
            draft.author,
            draft.cron,
            draft.text,
            draft.file.name if draft.file else None,
            draft.file.data if draft.file else None,
            int(draft.skip),
            now,
            MAX_EVENTS,
        )
        if row is None:
            raise ScheduleFullError
        return int(row[0])

    async def remove(self, guild: int, number: int) -> bool:
        """Forget an event of a server; False when it has none of that id."""
        removed = await self._database.write("DELETE FROM scheduled_event WHERE guild = ? AND id = ?", guild, number)
        if removed:
            await self.allow(number)
        return bool(removed)

    async def find(self, number: int) -> Event | None:
        """One event."""
        row = await self._database.row(f"{_EVENTS} WHERE id = ?", number)
        return None if row is None else _event(row)

    async def all(self) -> list[Event]:
        """Every event, oldest first."""
        return [_event(row) for row in await self._database.rows(f"{_EVENTS} ORDER BY id")]

    async def file(self, event: Event) -> EventFile | None:
        """What is posted with it."""
        if event.file_name is None:
            return None
        row = await self._database.row("SELECT file FROM scheduled_event WHERE id = ?", event.id)
        return None if row is None else EventFile(event.file_name, bytes(row[0]))

    async def settle(self, event: Event, now: float, *, owed: bool) -> bool:
        """All that was due until ``now`` is dealt with, but for one post if it is ``owed``.

        Returns whether this call dealt with it: False when another has since ``event`` was read.
        """
        statement = (
            "UPDATE scheduled_event SET settled_at = ?, owed = ? WHERE id = ? AND settled_at = ? AND disabled = 0"
        )
        return bool(await self._database.write(statement, now, int(owed), event.id, event.settled_at))

    async def pay(self, event: Event) -> bool:
        """The post that is owed is made now; returns whether one was."""
        statement = "UPDATE scheduled_event SET owed = 0 WHERE id = ? AND owed = 1 AND disabled = 0"
        return bool(await self._database.write(statement, event.id))

    async def refuse(self, number: int) -> bool:
        """Note that the bot was not allowed to post it; False where that was known."""
        return bool(await self._database.write("INSERT OR IGNORE INTO scheduled_event_refusal VALUES (?)", number))

    async def allow(self, number: int) -> None:
        """Forget that note: it was posted."""
        await self._database.write("DELETE FROM scheduled_event_refusal WHERE event = ?", number)

    async def disable(self, event: Event) -> None:
        """It can't be posted any more."""
        await self._database.write("UPDATE scheduled_event SET disabled = 1, owed = 0 WHERE id = ?", event.id)


def _event(row: Row) -> Event:
    number, guild, channel, author, cron, text, file_name, skip, settled_at, owed, disabled, refused = row
    flags = {"owed": bool(owed), "disabled": bool(disabled), "refused": bool(refused)}
    return Event(number, guild, channel, author, cron, text, file_name, bool(skip), settled_at, **flags)
