"""Writes lines of calls into the database as soon as they are said, in the background: no call waits for the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import aiosqlite

from bot.database.write_queue import WriteQueue
from bot.llm.cleaning import DiscordNames, clean_name, clean_prompt
from bot.llm.history import Turn
from bot.notes.lines import NoteLine, NotesPlace
from bot.notes.records import NoteRecords
from bot.text import join_surrogates

_log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""Seconds between two attempts while the database can't be written."""

MayKeep = Callable[[int | None, int], bool]
"""A function that says whether a person's words may be kept. Its arguments are the server's id and the person's id."""


@dataclass(slots=True, eq=False)
class OpenNotes:
    """Notes of a call that is on.

    Attributes:
        id: the id in the database. The writer sets it when it stores the beginning.
        next_number: the number of the next line.
        last_person: the user id of the person who spoke last.
        people: the user ids of the people who are in the notes already.
        present: the user ids of the people who hear the call now.
    """

    place: NotesPlace
    asked_by: str
    started: float
    id: int | None = None
    next_number: int = 1
    last_person: int | None = None
    people: set[int] = field(default_factory=set)
    present: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _NewLine:
    notes: OpenNotes
    line: NoteLine


@dataclass(frozen=True, slots=True)
class _Begun:
    notes: OpenNotes


@dataclass(frozen=True, slots=True)
class _Present:
    notes: OpenNotes
    people: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _End:
    notes: OpenNotes
    at: float


_Item = _Begun | _NewLine | _Present | _End


class LineWriter:
    """Writes notes as they grow: their beginnings, lines, people and ends. Use it only on the event loop.

    Args:
        ended: called when the end of a call's notes was stored.
        sleep: waits the given seconds.

    Attributes:
        queue: what is to be written.
    """

    def __init__(
        self,
        records: NoteRecords,
        ended: Callable[[], None] = lambda: None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.queue = WriteQueue[_Item](
            self._write, what="Notes", line=_NewLine, lines="lines", retry=RETRY_SECONDS, sleep=sleep
        )
        self._records = records
        self._ended = ended

    def forget(self, person: int) -> int:
        """Drop what is queued about a person (user id): lines, answers to them, and that the person was in the call.

        Returns the number of dropped lines and answers.
        """
        left: deque[_Item] = deque()
        dropped = 0
        for each in self.queue.waiting:
            match each:
                case _NewLine(notes, line):
                    if person in (line.person, line.answers):
                        dropped += 1
                    else:
                        left.append(_NewLine(notes, replace(line, present=line.present - {person})))
                case _Present(notes, people):
                    left.append(_Present(notes, {other: name for other, name in people.items() if other != person}))
                case _:
                    left.append(each)
        self.queue.waiting = left
        return dropped

    async def _write(self, item: _Item) -> None:
        try:
            await self._store(item)
        except aiosqlite.IntegrityError as error:
            _log.info("Something could not be noted, since the notes were deleted: %s", error)

    async def _store(self, item: _Item) -> None:
        match item:
            case _Begun(notes):
                notes.id = await self._records.begin(notes.place, notes.asked_by, notes.started)
            case _NewLine(notes, line) if notes.id is not None:
                await self._records.add_line(notes.id, line)
            case _Present(notes, people) if notes.id is not None:
                await self._records.add_people(notes.id, people)
            case _End(notes, at) if notes.id is not None:
                await self._records.end(notes.id, at)
                self._ended()
            case _:
                pass


class CallNotebook:
    """Takes the notes of one call (:class:`~bot.voice.records.note_taking.Notebook`). All methods return immediately.

    Args:
        may_keep: says whether a person's words may be kept.
        clock: returns seconds since 1970.
    """

    def __init__(self, writer: LineWriter, place: NotesPlace, may_keep: MayKeep, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._place = place
        self._may_keep = may_keep
        self._clock = clock
        self._notes: OpenNotes | None = None

    def keeps(self, person: int) -> bool:
        """Whether the words of a person (user id) may be in the notes."""
        return self._may_keep(self._place.server, person)

    def begin(self, asked_by: str) -> None:
        """Begin the notes, or go on with them after a pause."""
        if self._notes is None:
            name = clean_name(join_surrogates(asked_by))
            self._notes = OpenNotes(self._place, name, self._clock())
            self._writer.queue.put(_Begun(self._notes))

    def present(self, people: Mapping[int, str], hearing: Collection[int]) -> None:
        """Note who is in the call now (names by user id), and which of them hear what is said."""
        notes = self._notes
        if notes is None:
            return
        notes.present = frozenset(hearing)
        came = {
            person: clean_name(join_surrogates(name)) for person, name in people.items() if person not in notes.people
        }
        if came:
            notes.people.update(came)
            self._writer.queue.put(_Present(notes, came))

    def said(self, turn: Turn) -> None:
        """Store a line, unless it has no words."""
        text = clean_prompt(join_surrogates(turn.text), DiscordNames())
        notes = self._notes
        if notes is None or not text:
            return
        if turn.person is not None:
            notes.last_person = turn.person
        line = NoteLine(
            notes.next_number,
            self._clock(),
            clean_name(join_surrogates(turn.speaker)),
            text,
            turn.person,
            (turn.asker or notes.last_person) if turn.person is None else None,
            turn.interrupted,
            notes.present,
        )
        notes.next_number += 1
        self._writer.queue.put(_NewLine(notes, line))

    def forget(self, person: int) -> None:
        """Forget that a person (user id) was in the call, since their words are being deleted."""
        if self._notes is not None:
            self._notes.people.discard(person)
            self._notes.present -= {person}

    def end(self) -> None:
        """End the notes, since the call is over."""
        notes, self._notes = self._notes, None
        if notes is not None:
            self._writer.queue.put(_End(notes, self._clock()))
