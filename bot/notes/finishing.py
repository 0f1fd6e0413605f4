"""Finishes the notes of past calls in the background: has them summed up, writes their files, and posts them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiosqlite

from bot.llm.errors import ModelError, ModelErrorKind
from bot.notes.files import NoteFiles
from bot.notes.index import NotesIndex
from bot.notes.lines import Notes
from bot.notes.markdown import LocalTime, as_markdown, as_messages, file_name, file_to_post, title
from bot.notes.records import NoteRecords
from bot.notes.summing import NOT_REACHED, NOTHING_FOUND, TOO_SMALL, Summing
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

DISCORD = "discord"
"""The transport of calls whose notes are posted."""
QUIET = 5.0
"""Seconds for which the model is not asked for notes after somebody has asked the bot something."""
POSTING_LIMIT = 5.0
"""Seconds for which a deletion waits for the end of a posting that has begun."""
RETRIES = (20.0, 120.0, 600.0, 1_800.0)
"""Seconds to wait after the first failed attempt, the second, and so on. After one more failure, the notes are finished
without a summary, or without being posted."""


@dataclass(frozen=True, slots=True)
class NotesPost:
    """What is posted of the notes of one call.

    Attributes:
        title: the name of the thread.
        messages: texts of at most 2,000 characters.
        file_name: the name of the attached file.
        file: the content of the attached file, Markdown in UTF-8.
        again: whether an earlier attempt has begun to post them and perhaps did not finish. What it has posted is not
            posted twice.
    """

    title: str
    messages: tuple[str, ...]
    file_name: str
    file: bytes
    again: bool = False


class PostLaterError(Exception):
    """The notes can't be posted now. It is worth trying again."""


class NotesPoster(Protocol):
    """Posts notes where people read them."""

    async def post(self, channel: int, post: NotesPost) -> str:
        """Post notes in a channel, and return a link to them; "" if they can't be posted there.

        Raises:
            PostLaterError: the attempt failed for a reason that will pass.
        """
        ...


class _LaterError(Exception):
    """The model may not be asked now, because something else goes first."""


class NotesFinisher:
    """Finishes notes, one after another, while no call is on. :meth:`run` runs as long as the bot.

    The lease pauses it: :meth:`hold` ends a request to the model at once; after :meth:`release` the request is made
    again. Notes that are being posted at that moment are posted to the end, since posting does not use the model.

    Args:
        model_at: returns the model of the persona on a server (id); ``None`` for the configured model.
        local: turns seconds since 1970 into the time in the people's time zone.
        clock: returns monotonic seconds.
        sleep: waits the given seconds.

    Attributes:
        poster: posts the notes; ``None`` where there is no Discord.
    """

    name = "notes of calls"

    def __init__(
        self,
        records: NoteRecords,
        files: NoteFiles,
        index: NotesIndex,
        summing: Summing,
        model_at: Callable[[int | None], str | None],
        local: LocalTime,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.poster: NotesPoster | None = None
        self._records = records
        self._files = files
        self._index = index
        self._summing = summing
        self._model_at = model_at
        self._local = local
        self._clock = clock
        self._sleep = sleep
        self._wanted = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self._held = False
        self._deletions = 0
        self._busy_until = 0.0
        self._asking = False
        self._working: asyncio.Task[bool] | None = None
        self._failures: dict[int, int] = {}

    def wake(self) -> None:
        """Say that there may be notes to finish."""
        self._wanted.set()

    async def hold(self, reason: str) -> None:
        """Ask the model nothing, from now on until :meth:`release`."""
        self._held = True
        self._free.clear()
        if self._asking and self._working is not None:
            self._working.cancel()
            await asyncio.wait([self._working])

    async def release(self) -> None:
        """Allow requests to the model again."""
        self._held = False
        # Whoever waited for an answer before the call has it by now.
        self._busy_until = 0.0
        self._go_on()

    def step_aside(self) -> None:
        """End the request that is running, since somebody waits for an answer. It is made again after :data:`QUIET`."""
        self._busy_until = self._clock() + QUIET
        if self._asking and self._working is not None:
            self._working.cancel()
            self.wake()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Finish no notes while the block runs: the block may delete what was read for them.

        A request to the model ends at once. A posting that has begun gets :data:`POSTING_LIMIT` to end.
        """
        self._deletions += 1
        try:
            self._free.clear()
            if self._working is not None:
                if self._asking:
                    self._working.cancel()
                await asyncio.wait([self._working], timeout=POSTING_LIMIT)
                if self._working is not None:
                    self._working.cancel()
                    await asyncio.wait([self._working])
            yield
        finally:
            self._deletions -= 1
            self._go_on()

    def _go_on(self) -> None:
        if not self._held and not self._deletions:
            self._free.set()
            self.wake()

    async def run(self) -> None:
        """Finish notes whenever there are some, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._free.wait()
            while (left := self._busy_until - self._clock()) > 0:
                await self._sleep(left)
            self._wanted.clear()
            failures = [self._failures[note] for note in await self._records.unfinished() if not await self._try(note)]
            if failures:
                await self._wait(RETRIES[min(*failures, len(RETRIES)) - 1])

    @property
    def _may_ask(self) -> bool:
        return self._free.is_set() and self._clock() >= self._busy_until

    async def _wait(self, seconds: float) -> None:
        """Wait for some seconds, or until :meth:`wake` is called."""
        tasks = [
            asyncio.create_task(self._sleep_for(seconds), name="notes: pause"),
            asyncio.create_task(self._wanted.wait(), name="notes: awake"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(*tasks)
        self.wake()

    async def _sleep_for(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _try(self, note: int) -> bool:
        """Finish the notes of one call. Returns False if that failed and is to be tried again."""
        if not self._may_ask:
            self.wake()
            return True
        task = self._working = asyncio.create_task(self._finish(note), name=f"notes {note}")
        try:
            await asyncio.wait([task])
        finally:
            self._working = None
            await end_tasks(task)
        if task.cancelled():
            # The method that cancelled the task wakes :meth:`run` when the work is to go on.
            return True
        error = task.exception()
        if isinstance(error, _LaterError):
            self.wake()
            return True
        if error is not None:
            _log.error("Notes can't be finished now", exc_info=error)
        if error is None and task.result():
            self._failures.pop(note, None)
            return True
        self._failures[note] = self._failures.get(note, 0) + 1
        return False

    async def _finish(self, note: int) -> bool:
        notes = await self._records.read(note)
        if notes is None:
            return True
        if not notes.head.summed:
            # Whatever happens to the model, the transcript is in its file.
            await self._write(notes)
            if not await self._sum_up(notes):
                return False
            notes = await self._records.read(note)
            if notes is None:
                return True
        await self._write(notes)
        await asyncio.to_thread(self._index.replace, note, notes)
        return await self._post(notes)

    async def _write(self, notes: Notes) -> None:
        await asyncio.to_thread(lambda: self._files.write(notes.head, as_markdown(notes, self._local)))

    async def _sum_up(self, notes: Notes) -> bool:
        note, model = notes.head.id, self._model_at(notes.head.place.server)
        if not await self._summing.may_ask(model):
            await self._records.set_summary(note, (), TOO_SMALL)
            return True
        if not self._may_ask:
            raise _LaterError
        self._asking = True
        try:
            claims = await self._summing.sum_up(notes, model)
        except ModelError as error:
            # A limit of the day ends at midnight, so until then this is tried again, however often.
            if error.kind is ModelErrorKind.LIMIT or self._failures.get(note, 0) < len(RETRIES):
                _log.warning("The notes of %s can't be summed up yet: %s", notes.head.place.name, error)
                return False
            self._failures.pop(note, None)
            await self._records.set_summary(note, (), NOT_REACHED)
            return True
        finally:
            self._asking = False
        await self._records.set_summary(note, claims, "" if claims else NOTHING_FOUND)
        return True

    async def _post(self, notes: Notes) -> bool:
        head, link = notes.head, ""
        if head.place.transport == DISCORD and head.place.channel is not None:
            if self.poster is None:
                # The bot runs without Discord now. Its next start with Discord posts them.
                return True
            messages, file = await asyncio.to_thread(
                lambda: (as_messages(notes, self._local), file_to_post(notes, self._local))
            )
            post = NotesPost(
                title(head, self._local), tuple(messages), file_name(head, self._local), file, again=head.tried
            )
            try:
                await self._records.set_tried(head.id)
                link = await self.poster.post(head.place.channel, post)
            except aiosqlite.Error as error:
                _log.warning("The notes of %s can't be posted yet: %s", head.place.name, error)
                return False
            except PostLaterError as error:
                if self._failures.get(head.id, 0) < len(RETRIES):
                    _log.warning("The notes of %s can't be posted yet: %s", head.place.name, error)
                    return False
        try:
            await self._records.set_done(head.id, link)
        except aiosqlite.Error as error:
            _log.warning("It can't be stored that the notes of %s are finished: %s", head.place.name, error)
            return False
        return True
