"""Database records of the scheduled events."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records, Row

MAX_EVENTS = 50
"""Maximum number of events of a server."""

_EVENTS = (
    "SELECT id, guild, channel, author, cron, text, file_name, skip, settled_at, owed, disabled, "
    "EXISTS (SELECT 1 FROM scheduled_event_refusal WHERE event = scheduled_event.id) FROM scheduled_event"
)


class ScheduleFullError(Exception):
    """A server has as many events as allowed."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file that is posted with an event."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class EventDraft:
    """A new event. With ``skip``, a post that comes due during a call is left out; otherwise it is made afterwards."""

    guild: int
    channel: int
    author: int
    cron: str
    text: str
    file: EventFile | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """An event in the database.

    All posts that came due up to ``handled_until`` (seconds since 1970) were made, left out or postponed. If
    ``postponed`` is True, one of them is still to be made. ``refused`` is True if the bot was not allowed to make the
    last post.
    """

    id: int
    guild: int
    channel: int
    author: int
    cron: str
    text: str
    file_name: str | None
    skip: bool
    handled_until: float
    postponed: bool
    disabled: bool
    refused: bool = False


class ScheduleRecords(Records):
    """The database tables. All methods may raise :class:`aiosqlite.Error`."""

    async def add(self, draft: EventDraft, now: float) -> int:
        """Store a new event. Returns its id.

        Raises:
            ScheduleFullError: the server has as many events as allowed.
        """
        row = await self._database.write_returning(
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
        """Delete an event of a server. Returns False if the server has no event with this id."""
        removed = await self._database.write("DELETE FROM scheduled_event WHERE guild = ? AND id = ?", guild, number)
        if removed:
            await self.clear_refusal(number)
        return bool(removed)

    async def find(self, number: int) -> ScheduledEvent | None:
        """The event with this id; ``None`` if there is none."""
        row = await self._database.row(f"{_EVENTS} WHERE id = ?", number)
        return None if row is None else _event(row)

    async def all(self) -> list[ScheduledEvent]:
        """All events, oldest first."""
        return [_event(row) for row in await self._database.rows(f"{_EVENTS} ORDER BY id")]

    async def file(self, event: ScheduledEvent) -> EventFile | None:
        """The file of an event, if it has one."""
        if event.file_name is None:
            return None
        row = await self._database.row("SELECT file FROM scheduled_event WHERE id = ?", event.id)
        return None if row is None else EventFile(event.file_name, bytes(row[0]))

    async def mark_handled(self, event: ScheduledEvent, now: float, *, postponed: bool) -> bool:
        """Mark all posts of an event up to ``now`` as handled.

        If ``postponed`` is True, one of these posts is still to be made.

        Returns:
            False if the event was handled, removed or disabled elsewhere after ``event`` was read.
        """
        statement = (
            "UPDATE scheduled_event SET settled_at = ?, owed = ? WHERE id = ? AND settled_at = ? AND disabled = 0"
        )
        return bool(await self._database.write(statement, now, int(postponed), event.id, event.handled_until))

    async def take_postponed(self, event: ScheduledEvent) -> bool:
        """Mark the postponed post as handled. Returns whether there was one."""
        statement = "UPDATE scheduled_event SET owed = 0 WHERE id = ? AND owed = 1 AND disabled = 0"
        return bool(await self._database.write(statement, event.id))

    async def note_refusal(self, number: int) -> bool:
        """Record that the bot was not allowed to post the event. Returns False if this was recorded already."""
        return bool(await self._database.write("INSERT OR IGNORE INTO scheduled_event_refusal VALUES (?)", number))

    async def clear_refusal(self, number: int) -> None:
        """Delete the record of :meth:`note_refusal`."""
        await self._database.write("DELETE FROM scheduled_event_refusal WHERE event = ?", number)

    async def disable(self, event: ScheduledEvent) -> None:
        """Disable an event whose channel is gone."""
        await self._database.write("UPDATE scheduled_event SET disabled = 1, owed = 0 WHERE id = ?", event.id)


def _event(row: Row) -> ScheduledEvent:
    number, guild, channel, author, cron, text, file_name, skip, handled_until, postponed, disabled, refused = row
    flags = {"postponed": bool(postponed), "disabled": bool(disabled), "refused": bool(refused)}
    return ScheduledEvent(number, guild, channel, author, cron, text, file_name, bool(skip), handled_until, **flags)
