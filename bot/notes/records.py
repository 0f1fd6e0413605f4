"""The database tables of the notes of calls."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bot.database import Records, Row
from bot.notes.lines import Claim, ClaimKind, NoteHead, NoteLine, Notes, NotesPlace

_HEAD = (
    "SELECT id, transport, place, server, channel, asked_by, started, ended, broke_off, summed, why_none, posted, done "
    "FROM note"
)
WHOLE = 0
"""The number that stands in place of a part's number for claims about the whole call."""
# SQLite takes a limited number of values in one statement, so ids are passed as one JSON array.
_THESE = "(SELECT value FROM json_each(?))"


class NoteRecords(Records):
    """Reads and writes the tables of notes.

    All methods may raise :class:`aiosqlite.Error`. All times are in seconds since 1970.
    """

    async def begin(self, place: NotesPlace, asked_by: str, at: float) -> int:
        """Add notes, and return their id."""
        return await self._database.insert(
            "INSERT INTO note (transport, server, channel, place, asked_by, started) VALUES (?, ?, ?, ?, ?, ?)",
            place.transport,
            _text(place.server),
            _text(place.channel),
            place.name,
            asked_by,
            at,
        )

    async def add_line(self, note: int, line: NoteLine) -> None:
        """Add a line. When this returns, the line survives the death of the process."""
        await self._database.write(
            "INSERT INTO note_line (note, number, at, person, answers, who, text, interrupted, present) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            note,
            line.number,
            line.at,
            _text(line.person),
            _text(line.answers),
            line.who,
            line.text,
            line.interrupted,
            json.dumps(sorted(map(str, line.present))),
        )

    async def add_people(self, note: int, people: Mapping[int, str]) -> None:
        """Add people who are in the call."""
        await self._database.write_many(
            "INSERT OR IGNORE INTO note_person (note, person, name) VALUES (?, ?, ?)",
            [(note, str(person), name) for person, name in people.items()],
        )

    async def end(self, note: int, at: float) -> None:
        """Note that the call is over. Notes without lines are deleted."""
        await self._database.write_together(
            ("UPDATE note SET ended = ? WHERE id = ?", (at, note)),
            ("DELETE FROM note WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM note_line WHERE note = ?1)", (note,)),
        )

    async def end_broken_off(self) -> None:
        """End the notes of a call during which the process died, at the time of their last line."""
        await self._database.write_together(
            (
                "UPDATE note SET broke_off = 1, ended = "
                "coalesce((SELECT max(at) FROM note_line WHERE note = note.id), started) WHERE ended IS NULL",
                (),
            ),
            ("DELETE FROM note WHERE NOT EXISTS (SELECT 1 FROM note_line WHERE note = note.id)", ()),
        )

    async def unfinished(self) -> list[int]:
        """The ids of the notes of past calls that are not finished yet, oldest first."""
        rows = await self._database.rows("SELECT id FROM note WHERE ended IS NOT NULL AND NOT done ORDER BY id")
        return [int(row[0]) for row in rows]

    async def heads(self, server: int | None = None, *, everywhere: bool = False) -> list[NoteHead]:
        """All notes of a server, newest first; with ``everywhere``, those of all servers."""
        query = f"{_HEAD} WHERE ?1 OR server IS ?2 ORDER BY id DESC"
        return [_head(row) for row in await self._database.rows(query, everywhere, _text(server))]

    async def newest(self, server: int | None) -> NoteHead | None:
        """The newest notes of a past call on a server."""
        row = await self._database.row(
            f"{_HEAD} WHERE server IS ? AND ended IS NOT NULL ORDER BY id DESC LIMIT 1", _text(server)
        )
        return None if row is None else _head(row)

    async def read(self, note: int, part: int = WHOLE) -> Notes | None:
        """Notes with their lines and the claims about a part; ``None`` if there are none with this id."""
        row = await self._database.row(f"{_HEAD} WHERE id = ?", note)
        if row is None:
            return None
        people = await self._database.rows("SELECT person, name FROM note_person WHERE note = ? ORDER BY name", note)
        lines = await self._database.rows(
            "SELECT number, at, who, text, person, answers, interrupted, present FROM note_line WHERE note = ? "
            "ORDER BY number",
            note,
        )
        return Notes(
            _head(row),
            tuple(map(_line, lines)),
            {number: str(name) for person, name in people if (number := _number(person)) is not None},
            await self.claims(note, part),
        )

    async def claims(self, note: int, part: int = WHOLE) -> tuple[Claim, ...]:
        """The claims about a part of the lines."""
        rows = await self._database.rows(
            "SELECT kind, text, lines, who FROM note_claim WHERE note = ? AND part = ? ORDER BY id", note, part
        )
        return tuple(_claim(row) for row in rows)

    async def parts(self, note: int) -> list[tuple[int, int, int]]:
        """The parts that the model has read already: number, first line, last line."""
        rows = await self._database.rows("SELECT part, first, last FROM note_part WHERE note = ? ORDER BY part", note)
        return [(int(part), int(first), int(last)) for part, first, last in rows]

    async def add_part(self, note: int, part: int, first: int, last: int, claims: Iterable[Claim]) -> None:
        """Store what the model has found in a part of the lines."""
        await self._database.write_together(
            ("INSERT INTO note_part (note, part, first, last) VALUES (?, ?, ?, ?)", (note, part, first, last)),
            *_inserts(note, part, claims),
        )

    async def set_summary(self, note: int, claims: Iterable[Claim], why_none: str = "") -> None:
        """Store the claims about the whole call, or why there are none."""
        await self._database.write_together(
            ("DELETE FROM note_claim WHERE note = ?", (note,)),
            ("DELETE FROM note_part WHERE note = ?", (note,)),
            *_inserts(note, WHOLE, claims),
            ("UPDATE note SET summed = 1, why_none = ? WHERE id = ?", (why_none or None, note)),
        )

    async def set_tried(self, note: int) -> None:
        """Note that posting begins."""
        await self._database.write("UPDATE note SET posted = '' WHERE id = ? AND posted IS NULL", note)

    async def set_done(self, note: int, posted: str) -> None:
        """Note that nothing is left to do, and where the notes were posted."""
        await self._database.write("UPDATE note SET done = 1, posted = ? WHERE id = ?", posted or None, note)

    # Deletion.

    async def delete(self, notes: Collection[int]) -> int:
        """Delete notes; returns how many there were."""
        return await self._database.write(f"DELETE FROM note WHERE id IN {_THESE}", json.dumps([*notes]))  # noqa: S608

    async def older_than(self, at: float) -> list[int]:
        """The ids of the notes of calls that ended before the time ``at``."""
        rows = await self._database.rows("SELECT id FROM note WHERE ended < ?", at)
        return [int(row[0]) for row in rows]

    async def in_channel(self, channel: int) -> list[int]:
        """The ids of the notes of calls with this prompt channel."""
        rows = await self._database.rows("SELECT id FROM note WHERE channel = ?", str(channel))
        return [int(row[0]) for row in rows]

    async def with_person(self, person: int) -> list[int]:
        """The ids of the notes that have a line of a person, or in whose call the person was."""
        rows = await self._database.rows(
            "SELECT note FROM note_line WHERE ?1 IN (person, answers) "
            "UNION SELECT note FROM note_person WHERE person = ?1",
            str(person),
        )
        return [int(row[0]) for row in rows]

    async def delete_lines(
        self, note: int, numbers: Collection[int], person: int | None, claims: Sequence[Claim]
    ) -> None:
        """Delete lines of a call, and the record that ``person`` (if given) was in it. Keep only these ``claims``.

        What the model has found in parts of the lines is deleted too. Notes of a past call without lines are deleted.
        """
        await self._database.write_together(
            (
                f"DELETE FROM note_line WHERE note = ? AND number IN {_THESE}",  # noqa: S608
                (note, json.dumps([*numbers])),
            ),
            ("DELETE FROM note_person WHERE note = ? AND person = ?", (note, _text(person))),
            (
                "UPDATE note_line SET present = (SELECT json_group_array(value) FROM json_each(present) "
                "WHERE value != ?2) WHERE note = ?1 AND ?2 IS NOT NULL AND json_valid(present)",
                (note, _text(person)),
            ),
            ("DELETE FROM note_claim WHERE note = ?", (note,)),
            ("DELETE FROM note_part WHERE note = ?", (note,)),
            *_inserts(note, WHOLE, claims),
            (
                "DELETE FROM note WHERE id = ?1 AND ended IS NOT NULL "
                "AND NOT EXISTS (SELECT 1 FROM note_line WHERE note = ?1)",
                (note,),
            ),
        )

    async def rename_asker(self, note: int, who: str) -> None:
        """Change the name of the person who asked for the notes."""
        await self._database.write("UPDATE note SET asked_by = ? WHERE id = ?", who, note)

    async def erase_traces(self) -> None:
        """Remove what was deleted from the database's files; see :meth:`bot.database.Database.erase_traces`."""
        await self._database.erase_traces()


def _inserts(note: int, part: int, claims: Iterable[Claim]) -> list[tuple[str, Row]]:
    statement = "INSERT INTO note_claim (note, part, kind, who, text, lines) VALUES (?, ?, ?, ?, ?, ?)"
    return [
        (statement, (note, part, claim.kind.value, claim.who, claim.text, json.dumps(claim.lines))) for claim in claims
    ]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _number(text: Any) -> int | None:
    """A stored number; ``None`` if there is none, or if a damaged database has something else in its place."""
    written = str(text)
    return int(written) if written.isascii() and written.isdecimal() else None


def _numbers(text: Any) -> tuple[int, ...]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return ()
    numbers = map(_number, found) if isinstance(found, list) else ()
    return tuple(each for each in numbers if each is not None)


def _head(row: Row) -> NoteHead:
    (note, transport, place, server, channel, asked_by, started, ended, broke_off, summed, why_none, posted, done) = row
    return NoteHead(
        int(note),
        NotesPlace(str(transport), str(place), _number(server), _number(channel)),
        str(asked_by),
        float(started),
        None if ended is None else float(ended),
        bool(broke_off),
        bool(summed),
        str(why_none or ""),
        str(posted or ""),
        bool(done),
        posted is not None,
    )


def _line(row: Row) -> NoteLine:
    number, at, who, text, person, answers, interrupted, present = row
    there = frozenset(_numbers(present))
    return NoteLine(
        int(number), float(at), str(who), str(text), _number(person), _number(answers), bool(interrupted), there
    )


def _claim(row: Row) -> Claim:
    kind, text, lines, who = row
    return Claim(ClaimKind(kind), str(text), _numbers(lines), str(who))
