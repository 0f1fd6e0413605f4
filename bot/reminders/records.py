"""Database records of timers and reminders. They are kept until the people were told."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bot.database import Records, Row

MAX_PER_PERSON = 25
"""Maximum number of timers and reminders of one person."""
MAX_IN_ALL = 5_000
_COLUMNS = "SELECT person, name, server, channel, text, due_at, timer, id FROM reminder"


class TooManyRemindersError(Exception):
    """The person, or all people together, have as many timers and reminders as allowed."""


@dataclass(frozen=True, slots=True)
class ReminderDraft:
    """A new timer or reminder.

    Attributes:
        person: the user id of the person who is reminded.
        name: the person's name.
        server: the id of the Discord server, or of the channel of a private chat, in which the person asked for it;
            0 on the page, 1 on the telephone.
        channel: the id of the channel in which the person is pinged; ``None`` if there is none.
        text: what the person is reminded of; "" for a timer without a name.
        due_at: seconds since 1970.
        timer: whether it is due after a duration, and not at a date and time.
    """

    person: int
    name: str
    server: int
    channel: int | None
    text: str
    due_at: float
    timer: bool


@dataclass(frozen=True, slots=True)
class Reminder(ReminderDraft):
    """A stored timer or reminder. ``id`` is its number."""

    id: int


class ReminderRecords(Records):
    """Reads and writes these records. All methods may raise :class:`aiosqlite.Error`."""

    async def add(self, draft: ReminderDraft, now: float) -> Reminder:
        """Store a new reminder.

        Raises:
            TooManyRemindersError: the person, or all people together, have as many as allowed.
        """
        row = await self._database.write_returning(
            "INSERT INTO reminder (person, name, server, channel, text, due_at, timer, created_at) "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 "
            "WHERE (SELECT count(*) FROM reminder WHERE person = ?1) < ?9 AND (SELECT count(*) FROM reminder) < ?10 "
            "RETURNING id",
            draft.person,
            draft.name,
            draft.server,
            draft.channel,
            draft.text,
            draft.due_at,
            int(draft.timer),
            now,
            MAX_PER_PERSON,
            MAX_IN_ALL,
        )
        if row is None:
            raise TooManyRemindersError
        return Reminder(**asdict(draft), id=int(row[0]))

    async def find(self, number: int) -> Reminder | None:
        """The reminder with this number; ``None`` if there is none."""
        row = await self._database.row(f"{_COLUMNS} WHERE id = ?", number)
        return None if row is None else _reminder(row)

    async def of(self, person: int) -> list[Reminder]:
        """A person's reminders, in the order in which they are due."""
        return list(
            map(_reminder, await self._database.rows(f"{_COLUMNS} WHERE person = ? ORDER BY due_at, id", person))
        )

    async def due(self, now: float) -> list[Reminder]:
        """The reminders that are due, in the order in which they became due."""
        return list(map(_reminder, await self._database.rows(f"{_COLUMNS} WHERE due_at <= ? ORDER BY due_at, id", now)))

    async def next_due(self, now: float) -> float | None:
        """When the next reminder is due after ``now``; ``None`` if there is none."""
        row = await self._database.row("SELECT min(due_at) FROM reminder WHERE due_at > ?", now)
        return None if row is None or row[0] is None else float(row[0])

    async def shift_timers(self, seconds: float) -> None:
        """Move all timers, but not the reminders, by this many seconds, because the clock was set."""
        await self._database.write("UPDATE reminder SET due_at = due_at + ? WHERE timer = 1", seconds)

    async def remove(self, number: int) -> bool:
        """Delete a reminder. Returns False if there was none with this number."""
        return bool(await self._database.write("DELETE FROM reminder WHERE id = ?", number))

    async def forget_channel(self, channel: int) -> int:
        """Delete the reminders that would be posted in a channel. Returns how many there were."""
        return await self._database.write("DELETE FROM reminder WHERE channel = ?", channel)


def _reminder(row: Row) -> Reminder:
    person, name, server, channel, text, due_at, timer, number = row
    return Reminder(person, name, server, channel, text, due_at, bool(timer), number)
