"""The recordings of calls (``!record``) that belong to a stored conversation."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.recorded_answers import (
    ANSWERS_FILE,
    BOT_FILE,
    NEW_ANSWERS_FILE,
    RECORDINGS_DIR,
    RecordedAnswer,
    RecordedAnswers,
    RecordedAnswersError,
    remove_answers,
)
from bot.text import mentions

_log = logging.getLogger(__name__)

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
    """The bot's answers in a recording that belong to a person or name them. Their texts lie beside the recording, so
    that a better voice can speak them.

    Attributes:
        path: the file with the texts of all answers in the recording.
        at: when the recording began, in seconds since 1970.
        texts: the texts that belong to the person or name them.
        person: the person's id.
        name: the person's name; ``None`` if the recording does not have the person's voice. If it has, an answer to
            somebody who is not known counts as an answer to this person.
    """

    path: Path
    at: float
    texts: tuple[str, ...]
    person: int
    name: str | None


class _Concerns:
    """Says whether an answer belongs to a person or names them; see :class:`AnswersBeside`."""

    def __init__(self, person: int, name: str | None) -> None:
        self._people = frozenset((person,) if name is None else (person, None))
        self._person = person
        self._name = name or ""

    def __call__(self, answer: RecordedAnswer) -> bool:
        return answer.person in self._people or self._person in answer.named or mentions(answer.text, self._name)


class CallRecordings:
    """Finds recordings by the call's id in the name of their folder, and by the time at which they began.

    Older recordings have no id in their name. They are of conversations from the time when at most one call was on.

    Args:
        data_dir: the folder that contains the folder of recordings.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / RECORDINGS_DIR
        # Two people may have their answers deleted from the same file at the same time.
        self._changing = threading.Lock()

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
        """The answers beside recordings that belong to a person or name them, oldest first. Blocks on the disk; raises
        :class:`OSError`.

        A file that can't be used is there too, without texts, if the recording has the person's voice.
        """
        found = [_answers_beside(folder, at, person) for at, _, folder in self._dated_folders()]
        return [each for each in found if each is not None]

    def delete(self, answers: AnswersBeside) -> None:
        """Delete the texts of these answers. A file that can't be used is deleted. Blocks on the disk; raises
        :class:`OSError`.
        """
        self._forget(answers.path.parent, _Concerns(answers.person, answers.name))

    def delete_words(self, has: Callable[[str], bool]) -> None:
        """Delete the texts of all answers for which ``has`` is true. A file that can't be used is left alone. Blocks on
        the disk; raises :class:`OSError`.
        """
        for _, _, folder in self._dated_folders():
            try:
                found = RecordedAnswers.read(folder).texts_of(lambda answer: has(answer.text))
            except RecordedAnswersError:
                continue
            if found:
                self._forget(folder, lambda answer: has(answer.text))

    def tidy(self) -> None:
        """Delete files of answers that a killed process left half-written. Call it while nothing is recorded. Blocks on
        the disk.
        """
        try:
            for _, _, folder in self._dated_folders():
                (folder / NEW_ANSWERS_FILE).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("Half-written answers beside recordings can't be deleted: %s", error)

    def _forget(self, folder: Path, concerns: Callable[[RecordedAnswer], bool]) -> None:
        with self._changing:
            try:
                RecordedAnswers.read(folder).forget(folder, concerns)
            except RecordedAnswersError:
                remove_answers(folder)

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
    path = folder / ANSWERS_FILE
    if not path.is_file():
        return None
    name = next((each.who for each in _files(folder, at) if each.person == person), None)
    try:
        texts = tuple(RecordedAnswers.read(folder).texts_of(_Concerns(person, name)))
    except RecordedAnswersError:
        return None if name is None else AnswersBeside(path, at, (), person, name)
    return AnswersBeside(path, at, texts, person, name) if texts else None
