"""The sound of a person: recordings of calls, and voices that the person has made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bot.conversations.recordings import CallRecordings
from bot.personal_data.personal_data import Erased, JsonValue, NotErasedError, Subject, moment
from bot.speech_server.errors import VoicesError
from bot.voices.voices import Voices

_log = logging.getLogger(__name__)

FILES_LEFT = "Recordings of you: some files could not be deleted. Ask the people who run me to delete them."
VOICES_LEFT = "Voices that you made: {reason}"


class RecordedSound:
    """A person's files in the recordings of calls. The export has the names of the files, not the sound."""

    name = "recordings of your voice in calls"

    def __init__(self, recordings: CallRecordings) -> None:
        self._recordings = recordings

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The files."""
        found = await asyncio.to_thread(self._recordings.of, subject.id)
        return [{"file": f"{each.path.parent.name}/{each.path.name}", "began": moment(each.at)} for each in found]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the files; raises :class:`~bot.personal_data.personal_data.NotErasedError`."""
        return await asyncio.to_thread(self._erase, subject.id)

    def _erase(self, person: int) -> Erased:
        found = self._recordings.of(person)
        left = 0
        for each in found:
            try:
                each.path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("A recording of a person who asked for its deletion stays: %s", error)
                left += 1
        if left:
            raise NotErasedError(FILES_LEFT)
        return Erased(len(found))


class MadeVoices:
    """The cloned voices that a person has made. Where a deleted voice was chosen, the usual voice speaks."""

    name = "voices that you made"

    def __init__(self, voices: Voices) -> None:
        self._voices = voices

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The ids of the voices on the speech server; raises :class:`aiosqlite.Error`."""
        return [{"voice": voice} for voice in await self._voices.made_by(subject.id)]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the voices and their recordings.

        Raises:
            NotErasedError: the speech server can't be asked, or refuses.
            aiosqlite.Error: the database can't be written.
        """
        try:
            return Erased(await self._voices.delete_made_by(subject.id))
        except VoicesError as error:
            raise NotErasedError(VOICES_LEFT.format(reason=str(error).removeprefix("❌ "))) from error
