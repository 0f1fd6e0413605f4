"""What a person has said in calls of which notes were taken, and the answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.notes.service import NotesService
from bot.personal_data.personal_data import Erased, JsonValue, NotErasedError, Subject, moment

_log = logging.getLogger(__name__)

LEFT = "Notes that were posted on Discord stay there: people who manage the server can delete them."
_NOT_DELETED = "What you said in calls of which notes were taken: a file of the notes could not be written."


class NotedLines:
    """A person's lines in notes, with the answers (a :class:`~bot.personal_data.personal_data.PersonalData`)."""

    name = "what you said in calls of which notes were taken, and the answers"

    def __init__(self, notes: NotesService) -> None:
        self._notes = notes

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The lines, oldest first; raises :class:`aiosqlite.Error`."""
        return [
            {
                "where": each.place,
                "at": moment(each.at),
                "who": "you" if each.own else "the bot",
                "text": each.text,
            }
            for each in await self._notes.export_person(subject.id)
        ]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the lines. Raises the errors of :class:`~bot.personal_data.personal_data.PersonalData`."""
        try:
            count = await self._notes.forget_person(subject.id)
        except OSError as error:
            _log.warning("A file of notes still has words of a person who asked for their deletion: %s", error)
            raise NotErasedError(_NOT_DELETED) from error
        return Erased(count, LEFT if count else "")
