"""The tools ``set_reminder``, ``list_reminders`` and ``cancel_reminder``, for the asker's timers and reminders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import aiosqlite

from bot.llm.prompts import date_and_time
from bot.llm.tools import ToolDescription
from bot.reminders.records import MAX_PER_PERSON, Reminder, ReminderDraft, TooManyRemindersError
from bot.reminders.when import EXAMPLES, read_when
from bot.text import shorten
from bot.times_of_day import TimesError
from bot.tools.negation import not_denied
from bot.tools.tool import Asker, Effect, Tool, ToolError, ToolResult

MAX_TEXT = 300
"""Maximum number of characters of what somebody is reminded of."""
MAX_NUMBER = 2**53
_LISTED = 60
"""Maximum number of characters of a reminder's text in a list."""
NOT_STORED = "The reminders can't be read or written at the moment."
_ASKED_FOR = re.compile(
    r"remind|timer|alarm|wake me|let me know (when|in|at|after|tomorrow|on)\b|don.?t let me forget|countdown|"
    r"erinner|\bwecke?r?\b|weck mich|rappel|minuteur|r[ée]veil|recu[ée]rd|recorda|temporizador|alarma|despi[ée]rta|"
    r"ricord|sveglia|lembr|alarme|herinner|wekker|przypom|minutnik|budzik|напомн|напомин|таймер|будильник|"
    r"hat[ıi]rlat|påminn|muistut|リマインド|タイマー|アラーム|思い出|提醒|计时|闹钟|알림|타이머|알람",
    re.IGNORECASE,
)
"""Words that ask for a timer or reminder, or for one to be cancelled, in the languages that people speak most."""

SET = ToolDescription(
    "set_reminder",
    "Sets a timer or a reminder for the person who asks. When it is due, they are told: here, or by a message. Say "
    "when it is due as the result tells it.",
    {
        "type": "object",
        "properties": {
            "when": {"type": "string", "description": f"When, in English: {EXAMPLES}"},
            "text": {"type": "string", "description": "What to be reminded of; leave it out for a plain timer."},
        },
        "required": ["when"],
        "additionalProperties": False,
    },
)
LIST = ToolDescription(
    "list_reminders",
    "Lists the timers and reminders of the person who asks, with their numbers.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)
CANCEL = ToolDescription(
    "cancel_reminder",
    "Cancels a timer or reminder of the person who asks.",
    {
        "type": "object",
        "properties": {"number": {"type": "integer", "description": "Its number; leave it out if there is only one."}},
        "additionalProperties": False,
    },
)


class ReminderBook(Protocol):
    """Stores reminders and tells them. All methods may raise :class:`aiosqlite.Error`."""

    async def add(self, draft: ReminderDraft) -> Reminder:
        """Store a reminder; raises :class:`TooManyRemindersError`."""
        ...

    async def of(self, person: int) -> list[Reminder]:
        """A person's reminders, in the order in which they are due."""
        ...

    async def cancel(self, person: int, number: int) -> Reminder | None:
        """Delete a person's reminder; ``None`` if there is no such reminder."""
        ...


def reminder_tools(book: ReminderBook, clock: Callable[[], datetime]) -> Sequence[Tool]:
    """The three tools.

    Args:
        clock: returns the current time in the people's time zone.
    """
    return (SetReminder(book, clock), ListReminders(book, clock), CancelReminder(book, clock))


class _ReminderTool:
    """The common part of the tools."""

    def __init__(self, book: ReminderBook, clock: Callable[[], datetime]) -> None:
        self._book = book
        self._clock = clock

    def may_use(self, asker: Asker) -> bool:
        """Only people whose user id is known can be reminded."""
        return asker.person is not None

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the words are about a timer or reminder."""
        return _ASKED_FOR.search(words) is not None

    def _when(self, reminder: Reminder) -> str:
        now = self._clock()
        due = datetime.fromtimestamp(reminder.due_at, now.tzinfo)
        return f"{date_and_time(due)}, {_distance(reminder.due_at - now.timestamp())}"


class SetReminder(_ReminderTool):
    """Sets a timer or reminder."""

    description = SET
    effect = Effect.CHANGES
    """It stores something, and makes the bot speak later."""

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the words ask for a timer or reminder. "Never mind the timer" asks for its end."""
        return super().asked_for(not_denied(words), arguments)

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Set a reminder of ``text`` for ``when``.

        Raises:
            ToolError: the time is not valid, the person has too many reminders, or the database can't be used.
        """
        person = _person(asker)
        try:
            due = read_when(str(arguments.get("when", "")), self._clock())
        except TimesError as error:
            raise ToolError(f"Nothing was set: {error}. A time looks like this: {EXAMPLES}.") from error
        text = shorten(" ".join(str(arguments.get("text") or "").split()), MAX_TEXT)
        draft = ReminderDraft(person, asker.name, asker.server, asker.channel, text, due.at, due.timer)
        try:
            added = await self._book.add(draft)
        except TooManyRemindersError as error:
            raise ToolError(
                f"Nothing was set: {asker.name} has {MAX_PER_PERSON} timers and reminders, or there are too many in "
                "all. One of them must be cancelled first."
            ) from error
        except aiosqlite.Error as error:
            raise ToolError(NOT_STORED) from error
        return ToolResult(f"Set, with the number {added.id}. It is due on {self._when(added)}.")


class ListReminders(_ReminderTool):
    """Lists a person's timers and reminders."""

    description = LIST
    effect = Effect.NONE

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """List the person's reminders.

        Raises:
            ToolError: they can't be read.
        """
        found = await _of(self._book, asker)
        if not found:
            return ToolResult(f"{asker.name} has no timers and reminders.")
        return ToolResult("\n".join(f"{each.id}: {_name(each)}, due on {self._when(each)}" for each in found))


class CancelReminder(_ReminderTool):
    """Cancels a timer or reminder."""

    description = CANCEL
    effect = Effect.CHANGES
    """It deletes something."""

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Cancel the reminder with this ``number``, or the only one.

        Raises:
            ToolError: there is no such reminder, it is not clear which one is meant, or the database can't be used.
        """
        found = await _of(self._book, asker)
        number = int(arguments["number"]) if "number" in arguments else None
        if number is None:
            if len(found) > 1:
                raise ToolError(f"Which one? {'; '.join(f'{each.id}: {_name(each)}' for each in found)}.")
            number = found[0].id if found else 0
        try:
            cancelled = await self._book.cancel(_person(asker), number) if abs(number) < MAX_NUMBER else None
        except aiosqlite.Error as error:
            raise ToolError(NOT_STORED) from error
        if cancelled is None:
            numbers = ", ".join(str(each.id) for each in found)
            raise ToolError(
                f"{asker.name} has no reminder with that number. There are: {numbers}."
                if found
                else f"{asker.name} has no timers and reminders."
            )
        return ToolResult(f"Cancelled: {_name(cancelled)}.")


async def _of(book: ReminderBook, asker: Asker) -> list[Reminder]:
    try:
        return await book.of(_person(asker))
    except aiosqlite.Error as error:
        raise ToolError(NOT_STORED) from error


def _person(asker: Asker) -> int:
    if asker.person is None:
        raise ToolError("It is not known who asks.")
    return asker.person


def _name(reminder: Reminder) -> str:
    kind = "timer" if reminder.timer else "reminder"
    return f"{kind} “{shorten(reminder.text, _LISTED)}”" if reminder.text else kind


def _distance(seconds: float) -> str:
    if seconds <= 0:
        return "which is now"
    amounts = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    rest, parts = round(seconds), []
    for unit, length in amounts:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return f"in {' and '.join(parts[:2]) or 'a moment'}"
