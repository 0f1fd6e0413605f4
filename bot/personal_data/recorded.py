"""The sound of a person: recordings of calls, and voices that the person has made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bot.conversations.recordings import AnswersBeside, CallRecording, CallRecordings
from bot.personal_data.personal_data import Erased, JsonValue, NotErasedError, Subject, moment
from bot.speech_server.errors import VoicesError
from bot.voices.voices import Voices

_log = logging.getLogger(__name__)

OWN_VOICE_LEFT = (
    "Recordings of my own voice. You may hear in them what I answered you, but they belong to everybody who was in the "
    "call. The people who run me can delete them."
)
FILES_LEFT = "Recordings of you: some files could not be deleted. Ask the people who run me to delete them."
VOICES_LEFT = "Voices that you made: {reason}"


class RecordedSound:
    """A person's files in the recordings of calls, and the texts beside them of what the bot answered to the person.

    The export has the names of the files and these texts, but not the sound.

    Args:
        drop: makes running calls write nothing more of a person (user id).
    """

    name = "recordings of your voice in calls, and texts of my answers in them"

    def __init__(self, recordings: CallRecordings, drop: Callable[[int], None]) -> None:
        self._recordings = recordings
        self._drop = drop

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The files, and then the texts."""
        try:
            return await asyncio.to_thread(self._export, subject.id)
        except OSError as error:
            _log.warning("The recordings can't be read, so what they have of a person is not exported: %s", error)
            return []

    def _export(self, person: int) -> list[JsonValue]:
        sound: list[JsonValue] = [
            {"file": f"{each.path.parent.name}/{each.path.name}", "began": moment(each.at)}
            for each in self._recordings.of(person)
        ]
        texts: list[JsonValue] = [
            {"file": f"{each.path.parent.name}/{each.path.name}", "began": moment(each.at), "answers": list(each.texts)}
            for each in self._recordings.answers_to(person)
        ]
        return sound + texts

    async def erase(self, subject: Subject) -> Erased:
        """Delete the files and the texts; raises :class:`~bot.personal_data.personal_data.NotErasedError`."""
        # Some texts are found only while the person's sound is still there, so nothing is deleted before the search.
        found = await self._find(subject.id)
        self._drop(subject.id)
        # A call may have written a file during the search. From now on, none writes anything of the person.
        found |= await self._find(subject.id)
        return await asyncio.to_thread(self._delete, found)

    async def _find(self, person: int) -> dict[Path, AnswersBeside | CallRecording]:
        def find() -> dict[Path, AnswersBeside | CallRecording]:
            answers, sound = self._recordings.answers_to(person), self._recordings.of(person)
            return {**{each.path: each for each in answers}, **{each.path: each for each in sound}}

        try:
            return await asyncio.to_thread(find)
        except OSError as error:
            _log.warning("The recordings can't be read, so what they have of a person is not deleted: %s", error)
            raise NotErasedError(FILES_LEFT) from error

    def _delete(self, found: Mapping[Path, AnswersBeside | CallRecording]) -> Erased:
        deletions: list[Callable[[], None]] = [
            partial(self._recordings.delete, each)
            if isinstance(each, AnswersBeside)
            else partial(each.path.unlink, missing_ok=True)
            for each in found.values()
        ]
        left = 0
        for delete in deletions:
            try:
                delete()
            except OSError as error:
                _log.warning("A recording, or a text beside it, stays although its deletion was asked for: %s", error)
                left += 1
        if left:
            raise NotErasedError(FILES_LEFT)
        return Erased(len(deletions), OWN_VOICE_LEFT if deletions else "")


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
