"""The notes service: takes, finishes, finds, shows and deletes the notes of calls."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from weakref import WeakSet

import aiosqlite

from bot.notes.files import NoteFiles
from bot.notes.finishing import NotesFinisher
from bot.notes.index import NotesIndex
from bot.notes.lines import Claim, NoteHead, NoteLine, Notes, NotesPlace
from bot.notes.markdown import LocalTime, as_markdown
from bot.notes.notebook import CallNotebook, LineWriter, MayKeep
from bot.notes.recall import NotesRecall
from bot.notes.records import NoteRecords
from bot.notes.summing import NotesModel, Summing
from bot.notes.words import NoteWords
from bot.text import mentions, plain
from config.types import KeptDays

_log = logging.getLogger(__name__)

DAY = 86_400.0
CLOSE_LIMIT = 2.0
"""Seconds for writing the last lines when the bot ends."""
RETRY_SECONDS = 30.0
"""Seconds until a deletion that failed is tried again."""
SOMEONE = "Someone"
Has = Callable[[str], bool]
"""Says whether a text has certain words."""
Meant = Callable[[Notes], bool]
"""Says whether notes have something of what is to be deleted."""


@dataclass(frozen=True, slots=True)
class NotedWords:
    """One line in the notes of a call: a line of the person, or a line of the bot's answer to it.

    Attributes:
        own: whether the person has said it.
        place: the name of the call's place.
        at: when it was said, in seconds since 1970.
    """

    place: str
    at: float
    text: str
    own: bool


class NotesService:
    """The notes of all calls. Use it only on the event loop.

    Await :meth:`open` first and :meth:`close` at the end.

    Args:
        days: the number of days for which notes are kept; 0 if none are taken.
        may_keep: says whether a person's words may be in notes.
        model_at: returns the model of the persona on a server; ``None`` for the configured one.
        local: turns seconds since 1970 into the time in the people's time zone.
        clock: returns seconds since 1970.
        monotonic: returns monotonic seconds.
        sleep: waits the given seconds.

    Attributes:
        days: the argument of the same name.
        finisher: finishes notes after calls. The lease must hold it during calls.
        recall: recalls from notes.
    """

    def __init__(
        self,
        records: NoteRecords,
        files: NoteFiles,
        model: NotesModel,
        words: NoteWords,
        days: KeptDays,
        may_keep: MayKeep,
        model_at: Callable[[int | None], str | None],
        local: LocalTime,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.days = days
        self._records = records
        self._files = files
        self._may_keep = may_keep
        self._local = local
        self._clock = clock
        self._sleep = sleep
        self._index = NotesIndex()
        summing = Summing(records, model, words, local)
        self.finisher = NotesFinisher(
            records, files, self._index, summing, model_at, local, clock=monotonic, sleep=sleep
        )
        self.recall = NotesRecall(self._index, words, local)
        self._writer = LineWriter(records, self.finisher.wake, sleep=sleep)
        self._notebooks: WeakSet[CallNotebook] = WeakSet()
        self._leaving: set[int] = set()
        # Notes whose file and index may differ from the database, by id. They are as they were before the change.
        self._outdated: dict[int, Notes] = {}
        self._somebody_leaves = asyncio.Event()

    async def open(self, opted_out: Iterable[int] = ()) -> None:
        """End the notes of a call during which the process died, and delete what is too old.

        A file that can't be deleted or written again is logged, and tried again later.

        Args:
            opted_out: people who have opted out. Their lines are deleted, in case a crash has prevented it before.

        Raises:
            aiosqlite.Error: the database can't be used.
        """
        await self._records.end_broken_off()
        for person in opted_out:
            try:
                await self.forget_person(person)
            except OSError as error:
                _log.error("The lines of somebody who opted out can't be deleted yet: %s", error)
                self.opted_out(person)
        try:
            await self._forget_old()
            for stuck in (await self._delete_files()).values():
                _log.error("A file of deleted notes can't be deleted yet: %s", stuck)
        except OSError as error:
            _log.error("Notes that are too old can't be deleted yet: %s", error)
        self.finisher.wake()

    async def close(self) -> None:
        """Write the lines that are still queued, within :data:`CLOSE_LIMIT`."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._writer.queue.flush()
        except TimeoutError:
            _log.warning("The last lines of the notes could not be stored in time")
        self._index.close()

    def notebook(self, place: NotesPlace) -> CallNotebook | None:
        """Make the notebook that stores the lines of a call; ``None`` if no notes are kept."""
        if self.days == 0:
            return None
        notebook = CallNotebook(self._writer, place, self._may_keep, self._clock)
        self._notebooks.add(notebook)
        return notebook

    # Background tasks.

    async def make_findable(self) -> None:
        """Put the finished notes into the index, the newest first, and write files that are missing or not up to date.
        Then return.

        The process may have died, or a file may have been stuck, after the database was changed.
        """
        for head in await self._records.heads(everywhere=True):
            # The lock is released after each call, so that new lines are not delayed for long.
            async with self._writer.queue.writing:
                notes = await self._records.read(head.id)
                if notes is not None and notes.head.done:
                    try:
                        await self._show(notes)
                    except OSError as error:
                        self._outdated.setdefault(head.id, notes)
                        _log.error("A file of notes that is not up to date can't be written again yet: %s", error)

    async def run_writer(self) -> None:
        """Write lines as they come, until cancelled."""
        await self._writer.queue.run()

    async def forget_old_daily(self) -> None:
        """Delete notes that are too old, once a day, until cancelled."""
        while True:
            await self._sleep(DAY)
            await self._forget_old()

    async def forget_leaving(self) -> None:
        """Delete the lines of people who have opted out, until cancelled."""
        while True:
            await self._somebody_leaves.wait()
            self._somebody_leaves.clear()
            for person in tuple(self._leaving):
                try:
                    await self.forget_person(person)
                except (aiosqlite.Error, OSError) as error:
                    _log.error("The lines of somebody who opted out can't be deleted yet: %s", error)
                    await self._sleep(RETRY_SECONDS)
                    self._somebody_leaves.set()
                else:
                    self._leaving.discard(person)

    # What people and other parts ask for.

    async def newest(self, server: int | None) -> NoteHead | None:
        """The newest notes of a past call on a server."""
        await self._writer.queue.flush()
        return await self._records.newest(server)

    async def export_person(self, person: int) -> list[NotedWords]:
        """All lines of a person and the answers to them, oldest first."""
        await self._writer.queue.flush()
        words: list[NotedWords] = []
        for note in sorted(await self._records.with_person(person)):
            notes = await self._records.read(note)
            if notes is not None:
                place = notes.head.place.name
                words += [
                    NotedWords(place, line.at, line.text, line.person == person)
                    for line in notes.lines
                    if person in (line.person, line.answers)
                ]
        return words

    def opted_out(self, person: int) -> None:
        """Drop the queued lines of a person who has opted out, and delete the stored ones in the background."""
        self._drop(person)
        self._leaving.add(person)
        self._somebody_leaves.set()

    async def forget_person(self, person: int) -> int:
        """Delete a person's lines, the answers to them, and what the model wrote about them.

        Returns the number of lines and answers that were deleted, those that were still queued among them.
        Afterwards they are nowhere on the bot's disk. What was posted on Discord stays there.

        Raises:
            aiosqlite.Error, OSError: not everything could be deleted.
        """
        count = self._drop(person)
        async with self.finisher.paused(), self._writer.queue.writing:
            for note in await self._records.with_person(person):
                notes = await self._records.read(note)
                if notes is not None:
                    self._outdated.setdefault(note, notes)
                    count += await self._forget_in(notes, person)
            if self._outdated:
                await self._refresh(lambda notes: _has_person(notes, person))
        return count

    async def forget_words(self, server: int | None, gone: Callable[[NoteLine], bool], words: Has) -> None:
        """Delete lines of the calls on a server, and what the model wrote about them.

        Afterwards they are nowhere on the bot's disk. What was posted on Discord stays there.

        Args:
            gone: says whether a line is to be deleted.
            words: says whether a text of the model has words that are to be deleted.

        Raises:
            aiosqlite.Error, OSError: not everything could be deleted.
        """
        await self._writer.queue.flush()
        async with self.finisher.paused(), self._writer.queue.writing:
            for head in await self._records.heads(server):
                notes = await self._records.read(head.id)
                if notes is None:
                    continue
                lines = await asyncio.to_thread(_numbers_of, notes, gone)
                left = [each for each in notes.claims if not lines.intersection(each.lines) and not words(each.text)]
                if lines or len(left) < len(notes.claims):
                    self._outdated.setdefault(head.id, notes)
                    await self._records.delete_lines(head.id, lines, None, left)
            if self._outdated:
                await self._refresh(lambda notes: notes.head.place.server == server and _has_words(notes, gone, words))

    async def forget_channel(self, channel: int) -> int:
        """Delete the notes of all calls with this prompt channel, even of the current one; returns their number.

        Raises:
            aiosqlite.Error, OSError: not everything could be deleted.
        """
        await self._writer.queue.flush()
        return await self._delete(
            await self._records.in_channel(channel), lambda notes: notes.head.place.channel == channel
        )

    async def _forget_old(self) -> None:
        if self.days != "forever":
            # With 0 days everything is deleted, even notes with a time in the future (the clock may have been wrong).
            oldest = self._clock() - self.days * DAY if self.days else float("inf")
            await self._delete(await self._records.older_than(oldest), lambda notes: True)

    async def _delete(self, deleted: list[int], meant: Meant) -> int:
        if not deleted and not self._outdated:
            return 0
        async with self.finisher.paused(), self._writer.queue.writing:
            for note in await self._delete_files(deleted):
                notes = await self._records.read(note)
                if notes is not None:
                    self._outdated.setdefault(note, notes)
            count = await self._records.delete(deleted)
            for note in deleted:
                await asyncio.to_thread(self._index.replace, note, None)
            await self._refresh(meant)
        return count

    async def _forget_in(self, notes: Notes, person: int) -> int:
        """Delete what a person said in a call; returns the number of lines."""
        names = {plain(line.who) for line in notes.lines if line.person == person}
        names |= {plain(notes.people[person])} if person in notes.people else set()
        gone = {line.number for line in notes.lines if person in (line.person, line.answers)}
        left = [claim for claim in notes.claims if not gone.intersection(claim.lines) and not _names(claim, names)]
        await self._records.delete_lines(notes.head.id, gone, person, left)
        if plain(notes.head.asked_by) in names:
            await self._records.rename_asker(notes.head.id, SOMEONE)
        return len(gone)

    async def _refresh(self, meant: Meant) -> None:
        """Bring files and index up to date with the database: for changed notes, and where an earlier attempt failed.

        If a file can't be changed, the other files and the index are brought up to date all the same, and what was
        deleted leaves no traces in the database's files.

        Args:
            meant: says whether notes, as they were before, have something of what is to be deleted.

        Raises:
            aiosqlite.Error: not everything is up to date.
            OSError: notes that ``meant`` accepts are not up to date. For other notes, the error is logged.
        """
        failures = dict[int, OSError]()
        try:
            for note in self._outdated:
                notes = await self._records.read(note)
                try:
                    if notes is None or notes.head.ended is None:
                        await asyncio.to_thread(self._index.replace, note, None)
                    else:
                        await self._show(notes)
                except OSError as error:
                    failures[note] = error
            failures |= await self._delete_files()
            self._outdated = {note: notes for note, notes in self._outdated.items() if note in failures}
        finally:
            await self._records.erase_traces()
        for note, failure in failures.items():
            if note in self._outdated and await asyncio.to_thread(meant, self._outdated[note]):
                raise failure
            _log.warning("A file of other notes is still not up to date with the database: %s", failure)

    async def _show(self, notes: Notes) -> None:
        def write() -> None:
            self._index.replace(notes.head.id, notes)
            text = as_markdown(notes, self._local)
            if not self._files.has(notes.head, text) and not self._files.write(notes.head, text):
                # The old file may still contain deleted lines. It is removed now and written again at the next start.
                self._files.path(notes.head).unlink(missing_ok=True)

        await asyncio.to_thread(write)

    async def _delete_files(self, deleted: Iterable[int] = ()) -> dict[int, OSError]:
        """Delete the files of these notes, and of those that are not in the database; returns failures by notes."""
        kept = {head.id for head in await self._records.heads(everywhere=True)}.difference(deleted)
        return await asyncio.to_thread(self._files.delete_all_but, kept)

    def _drop(self, person: int) -> int:
        """Drop what is not stored yet of a person; returns the number of lines and answers."""
        for notebook in self._notebooks:
            notebook.forget(person)
        return self._writer.forget(person)


def _numbers_of(notes: Notes, gone: Callable[[NoteLine], bool]) -> set[int]:
    return {line.number for line in notes.lines if gone(line)}


def _has_words(notes: Notes, gone: Callable[[NoteLine], bool], words: Has) -> bool:
    return any(map(gone, notes.lines)) or any(words(claim.text) for claim in notes.claims)


def _has_person(notes: Notes, person: int) -> bool:
    return person in notes.people or any(person in (line.person, line.answers) for line in notes.lines)


def _names(claim: Claim, names: set[str]) -> bool:
    """Whether a claim has one of the names."""
    return any(mentions(f"{claim.who} {claim.text}", name) for name in names)
