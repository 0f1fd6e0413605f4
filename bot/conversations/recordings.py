"""The recordings of calls (``!record``) that belong to a stored conversation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.recorded_answers import ANSWERS_FILE, BOT_FILE, RECORDINGS_DIR, RecordedAnswers, RecordedAnswersError

_FOLDER = re.compile(r"(\d{8}T\d{6}Z)-[^.]+(?:\.([0-9a-z]+))?", re.ASCII)
_FILE = re.compile(r"(.+)-([1-9][0-9]{0,19})\.wav", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class CallRecording:
    """One file of a recording: the sound of one person, or of the bot.

    Attributes:
        id: a text that is the same each time, and says nothing about the path.
        person: the id of the person; ``None`` for the bot.
        who: the person's name as it is in the file's name; empty for the bot.
        at: when the recording began, in seconds since 1970.
    """

    id: str
    person: int | None
    who: str
    at: float
    path: Path


@dataclass(frozen=True, slots=True)
class AnswersBeside:
    """The bot's answers to a person in a recording, whose texts lie beside it so that a better voice can speak them.

    Attributes:
        path: the file with the texts of all answers in the recording.
        at: when the recording began, in seconds since 1970.
        texts: the texts of the answers to the person.
        people: the person's id. ``None`` is in it too if the recording has the person's voice: then an answer to
            somebody who is not known counts as an answer to this person.
    """

    path: Path
    at: float
    texts: tuple[str, ...]
    people: frozenset[int | None]

    def delete(self) -> None:
        """Delete these texts. A file that can't be used is deleted. Blocks on the disk; raises :class:`OSError`."""
        try:
            RecordedAnswers.read(self.path.parent).forget(self.path.parent, self.people)
        except RecordedAnswersError:
            self.path.unlink(missing_ok=True)


class CallRecordings:
    """Finds recordings by the call's id in the name of their folder, and by the time at which they began.

    Older recordings have no id in their name. They are of conversations from the time when at most one call was on.

    Args:
        data_dir: the folder that contains the folder of recordings.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / RECORDINGS_DIR

    def find(
        self, call: str | None, started: float, ended: float | None, may_show: Callable[[int], bool]
    ) -> list[CallRecording]:
        """The recordings that began during a call. Blocks on the disk.

        Args:
            call: the call's id; ``None`` for a call from before ids were stored.
            started: the call's start, in seconds since 1970.
            ended: its end; ``None`` if it is on.
            may_show: says whether the recorded sound of a person may be heard.
        """
        try:
            # The names of the folders have no fractions of seconds.
            folders = [
                (at, folder)
                for at, of_call, folder in self._dated_folders()
                if of_call == call and int(started) <= at and (ended is None or at <= ended)
            ]
            found = [each for at, folder in folders for each in _files(folder, at)]
        except OSError:
            return []
        return [each for each in found if each.person is None or may_show(each.person)]

    def of(self, person: int) -> list[CallRecording]:
        """All recordings of a person, oldest first. Blocks on the disk; raises :class:`OSError`."""
        found = [each for at, _, folder in self._dated_folders() for each in _files(folder, at)]
        return [each for each in found if each.person == person]

    def answers_to(self, person: int) -> list[AnswersBeside]:
        """The answers to a person beside recordings, oldest first. Blocks on the disk; raises :class:`OSError`.

        A file that can't be used is there too, without texts, if the recording has the person's voice.
        """
        found = [_answers_beside(folder, at, person) for at, _, folder in self._dated_folders()]
        return [each for each in found if each is not None]

    def _dated_folders(self) -> Iterator[tuple[float, str | None, Path]]:
        """The folders, oldest first, each with the time at which its recording began, and the id of its call."""
        if not self._folder.is_dir():
            return
        for folder in sorted(self._folder.iterdir()):
            named = _FOLDER.fullmatch(folder.name)
            if named is None or folder.is_symlink() or not folder.is_dir():
                continue
            try:
                at = datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            except ValueError:
                continue
            yield at, named[2], folder


def _files(folder: Path, at: float) -> Iterator[CallRecording]:
    for path in sorted(folder.glob("*.wav")):
        named = _FILE.fullmatch(path.name)
        if path.is_symlink() or not path.is_file() or (named is None and path.name != BOT_FILE):
            continue
        number = hashlib.sha256(f"{folder.name}/{path.name}".encode()).hexdigest()[:16]
        if named is None:
            yield CallRecording(number, None, "", at, path)
        else:
            yield CallRecording(number, int(named[2]), named[1].replace("_", " "), at, path)


def _answers_beside(folder: Path, at: float, person: int) -> AnswersBeside | None:
    path, is_heard = folder / ANSWERS_FILE, any(each.person == person for each in _files(folder, at))
    if not path.is_file():
        return None
    people = frozenset((person, None)) if is_heard else frozenset((person,))
    try:
        texts = tuple(RecordedAnswers.read(folder).texts_for(people))
    except RecordedAnswersError:
        return AnswersBeside(path, at, (), people) if is_heard else None
    return AnswersBeside(path, at, texts, people) if texts else None
