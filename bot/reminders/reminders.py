"""Tells people their timers and reminders when they are due: in the call if they are in it, otherwise by a ping."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from enum import Enum
from functools import partial
from typing import Protocol

import aiosqlite

from bot.reminders.records import Reminder, ReminderDraft, ReminderRecords
from bot.reminders.texts import ReminderLines, written
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

POLL = 1.0
"""Longest pause, in seconds, between two looks at the clock while there are reminders. Somebody may set the clock."""
RETRY = 30.0
"""Seconds between two attempts to tell somebody a reminder."""
JUMP = 1.0
"""If the clock has moved on by this many seconds more or less than the time that has passed, it was set."""
GIVEN_UP_AFTER = 30 * 86_400.0
"""Seconds after which a reminder that could not be told is dropped."""


Words = Callable[[str | None], str]
"""Makes a text in a language. It gets the language as Whisper's code, or ``None`` if the language is unknown."""


class PingResult(Enum):
    """The result of a ping."""

    SENT = "sent"
    LATER = "it can't be sent now"
    NEVER = "it can never be sent"


class Announcer(Protocol):
    """Says something to a person in a call."""

    async def say(self, person: int, server: int, words: Words, private: int | None = None) -> bool:
        """Say ``words`` when the floor is free. Returns after they were said.

        Args:
            words: makes the text. It gets the language of the call, as Whisper's code; ``None`` if it is unknown.
            private: id of the only channel whose people may hear it; ``None`` if all people of the server may.

        Returns:
            False if the person is not in a call where this may be said, or did not hear all of it.
        """
        ...


class Pinger(Protocol):
    """Sends a message that pings a person."""

    def is_private(self, channel: int) -> bool:
        """Whether there are people on the server who can't read a channel."""
        ...

    async def ping(self, person: int, channel: int | None, text: str) -> PingResult:
        """Send ``text`` in a channel or, if that is not possible, to the person."""
        ...


class NoPings:
    """A pinger that has nowhere to write: reminders wait until their person is in a call."""

    def is_private(self, channel: int) -> bool:
        """There are no channels."""
        return False

    async def ping(self, person: int, channel: int | None, text: str) -> PingResult:
        """Send nothing."""
        return PingResult.LATER


def elapsed_seconds() -> float:
    """Seconds of a clock that nobody sets. It also counts while the machine sleeps, if the system has such a clock."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Reminders:
    """The timers and reminders of all people. Use it only on the event loop, and run :meth:`run` in a task.

    Reminders are no feature and are not paused during a call. Consent to being listened to does not matter for them: a
    person who opted out is reminded all the same.

    A timer runs for its duration, even if somebody sets the clock meanwhile. A reminder is due when the clock shows its
    time. Overdue ones are announced at once after a jump of the clock, after the machine has slept and after a restart.

    A reminder is deleted after it was announced. So after a crash it may be announced again, but none is lost.

    Args:
        zone: the people's time zone.
        lines: make the words that are said in a call.
        clock: returns seconds since 1970.
        elapsed: returns seconds of a clock that nobody sets.
        poll: longest pause between two looks at the clock, in seconds.
        retry: seconds between two attempts to tell a reminder.

    Attributes:
        pinger: sends the pings.
    """

    def __init__(
        self,
        records: ReminderRecords,
        announcer: Announcer,
        zone: tzinfo,
        lines: ReminderLines,
        *,
        pinger: Pinger | None = None,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = elapsed_seconds,
        poll: float = POLL,
        retry: float = RETRY,
    ) -> None:
        self._records = records
        self._announcer = announcer
        self.pinger: Pinger = pinger or NoPings()
        self._zone = zone
        self._lines = lines
        self._clock = clock
        self._elapsed = elapsed
        self._poll = poll
        self._retry = retry
        self._offset = clock() - elapsed()
        self._clock_lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._retry_at: dict[int, float] = {}
        """When a reminder that could not be told is tried again, in elapsed seconds, by its number."""

    async def add(self, draft: ReminderDraft) -> Reminder:
        """Store a reminder.

        Raises:
            TooManyRemindersError: the person, or all people together, have as many as allowed.
            aiosqlite.Error: the database can't be written.
        """
        # Without this, the timer would be moved by a jump of the clock that came before it.
        await self._follow_clock()
        added = await self._records.add(draft, self._clock())
        self._wake.set()
        return added

    async def of(self, person: int) -> list[Reminder]:
        """A person's reminders, in the order in which they are due. Raises :class:`aiosqlite.Error`."""
        return await self._records.of(person)

    async def cancel(self, person: int, number: int) -> Reminder | None:
        """Delete a reminder of a person, and return it; ``None`` if the person has none with this number.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        found = await self._records.find(number)
        if found is None or found.person != person or not await self._records.remove(number):
            return None
        self._stop_telling(number)
        return found

    async def forget_channel(self, channel: int) -> int:
        """Delete the reminders that would be posted in a channel. Returns how many. Raises :class:`aiosqlite.Error`."""
        forgotten = await self._records.forget_channel(channel)
        for number in tuple(self._telling):
            if await self._records.find(number) is None:
                self._stop_telling(number)
        return forgotten

    async def run(self) -> None:
        """Tell what is due, until cancelled. Raises :class:`aiosqlite.Error`."""
        try:
            while True:
                self._wake.clear()
                pause = await self._tell_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
        finally:
            await end_tasks(*self._telling.values())

    async def _tell_due(self) -> float | None:
        """Begin to tell what is due. Returns the seconds until the next look; ``None`` if nothing is waited for."""
        await self._follow_clock()
        now, elapsed = self._clock(), self._elapsed()
        due = await self._records.due(now)
        self._retry_at = {each.id: self._retry_at[each.id] for each in due if each.id in self._retry_at}
        for reminder in due:
            if reminder.id not in self._telling and self._retry_at.get(reminder.id, elapsed) <= elapsed:
                task = asyncio.create_task(self._tell(reminder), name=f"reminder {reminder.id}")
                self._telling[reminder.id] = task
                task.add_done_callback(lambda _, number=reminder.id: self._told(number))  # type: ignore[misc]
        due_at = await self._records.next_due(now)
        if due_at is not None:
            return min(max(0.0, due_at - now), self._poll)
        return self._poll if self._retry_at else None

    async def _follow_clock(self) -> None:
        """Move the timers if the clock was set since the last call."""
        async with self._clock_lock:
            offset = self._clock() - self._elapsed()
            jump, self._offset = offset - self._offset, offset
            if abs(jump) > JUMP:
                _log.warning("The clock was set by %+.0f s: timers are moved, and reminders follow the clock", jump)
                await self._records.shift_timers(jump)

    async def _tell(self, reminder: Reminder) -> None:
        now = self._clock()
        try:
            # It may have been told, cancelled or forgotten while the list of what is due was read.
            if await self._records.find(reminder.id) is None:
                return
            if now - reminder.due_at > GIVEN_UP_AFTER:
                _log.warning("Reminder %d is dropped: it could not be told in time", reminder.id)
            elif not await self._say(reminder, now):
                text = written(reminder, self._clock())
                match await self.pinger.ping(reminder.person, reminder.channel, text):
                    case PingResult.LATER:
                        self._retry_at[reminder.id] = self._elapsed() + self._retry
                        return
                    case PingResult.NEVER:
                        _log.warning("Reminder %d can't be told: channel and person take no messages", reminder.id)
                    case PingResult.SENT:
                        pass
            await self._records.remove(reminder.id)
        except aiosqlite.Error as error:
            # The reminder is still in the database. Without a pause, it would be told again at once.
            _log.warning("Reminder %d could not be deleted: %s", reminder.id, error)
            self._retry_at[reminder.id] = self._elapsed() + self._retry
        except Exception:
            _log.exception("Reminder %d could not be told", reminder.id)
            self._retry_at[reminder.id] = self._elapsed() + self._retry
        else:
            self._retry_at.pop(reminder.id, None)

    async def _say(self, reminder: Reminder, now: float) -> bool:
        """Say it in a call. A reminder from a private channel is said only in a call whose prompts are typed there."""
        channel = reminder.channel
        private = channel if channel is not None and self.pinger.is_private(channel) else None
        words = partial(self._lines.spoken, reminder, now, self._zone)
        return await self._announcer.say(reminder.person, reminder.server, words, private)

    def _told(self, number: int) -> None:
        self._telling.pop(number, None)
        self._wake.set()

    def _stop_telling(self, number: int) -> None:
        self._retry_at.pop(number, None)
        if (task := self._telling.get(number)) is not None:
            task.cancel()
