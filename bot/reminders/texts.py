"""What people hear and read when a timer or reminder is due."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bot.reminders.records import Reminder
from bot.text import FIRST_UNSPACED, escape_markdown
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.tags import primary_language

FILE = Path(__file__).parents[2] / "config" / "language" / "reminders.yaml"
USUAL_LANGUAGE = "en"
LATE = 45.0
"""Seconds after which something that was due is marked as late. Waiting for the floor takes less, mostly."""
_FIELD = re.compile(r"\{(name|text|time|date)\}")

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class ReminderLinesError(BrokenFileError):
    """The file of lines can't be used. The message names the file and the mistake."""


class _Lines(BaseModel):
    """The lines of one language; the file explains them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timer: _Line
    named_timer: _Line
    reminder: _Line
    named_reminder: _Line
    late: _Line
    yesterday: _Line
    on_date: Annotated[_Line, Field(alias="on")]


class ReminderLines:
    """The words that are spoken when a timer or reminder is due, by language. Blocks: it reads a file.

    Raises:
        ReminderLinesError: the file can't be read, is malformed, or has no lines in English.
    """

    def __init__(self, path: Path = FILE) -> None:
        try:
            self._lines = TypeAdapter(dict[str, _Lines]).validate_python(read_yaml(path))
        except UNREADABLE as error:
            raise ReminderLinesError(f"{path} can't be used: {reason(error)}") from error
        if USUAL_LANGUAGE not in self._lines:
            raise ReminderLinesError(f"{path} can't be used: lines in {USUAL_LANGUAGE!r} are missing")

    def spoken(self, reminder: Reminder, now: float, zone: tzinfo, language: str | None) -> str:
        """The words that are spoken in a call.

        Args:
            now: seconds since 1970.
            zone: the people's time zone.
            language: the conversation's language, as Whisper's code; ``None`` if it is unknown.
        """
        lines = self._lines.get(primary_language(language or USUAL_LANGUAGE), self._lines[USUAL_LANGUAGE])
        if reminder.timer:
            line = lines.named_timer if reminder.text else lines.timer
        else:
            line = lines.named_reminder if reminder.text else lines.reminder
        said = _ended(_filled(line, name=reminder.name, text=reminder.text))
        if not _is_late(reminder, now):
            return said
        return f"{said} {_filled(lines.late, time=_moment(lines, reminder, now, zone))}"


def written(reminder: Reminder, now: float) -> str:
    """The message in the channel. It begins with the mention of the person."""
    kind = "⏲️ Your timer" if reminder.timer else "⏰ Your reminder"
    what = f": {escape_markdown(reminder.text)}" if reminder.text else (" is up." if reminder.timer else ".")
    late = (
        f" (It was due <t:{reminder.due_at:.0f}:R>; I could not tell you earlier.)" if _is_late(reminder, now) else ""
    )
    return f"<@{reminder.person}> {kind}{what}{late}"


def _is_late(reminder: Reminder, now: float) -> bool:
    return now - reminder.due_at > LATE


def _moment(lines: _Lines, reminder: Reminder, now: float, zone: tzinfo) -> str:
    due, today = datetime.fromtimestamp(reminder.due_at, zone), datetime.fromtimestamp(now, zone).date()
    time, days = f"{due:%H:%M}", (today - due.date()).days
    if days == 0:
        return time
    return _filled(lines.yesterday if days == 1 else lines.on_date, time=time, date=f"{due:%Y-%m-%d}")


def _filled(line: str, **fields: str) -> str:
    """The line with its fields filled in. What is filled in is not searched for fields."""
    return _FIELD.sub(lambda found: fields[found[1]], line)


def _ended(words: str) -> str:
    if words.endswith((".", "!", "?", "…", "。", "！", "？")):
        return words
    return words + ("。" if words[-1] >= FIRST_UNSPACED else ".")
