"""Library of the voices made from recordings: one folder per voice, and a list in memory."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from tts_server.voices.names import clean_language, clean_name, is_voice_id, same_name, voice_id
from tts_server.voices.profile import UnknownVoiceError, VoiceProfile, VoiceProfileStore
from tts_server.voices.reading import PreparedRecording
from tts_server.voices.voice_folder import (
    MAX_RECORDINGS,
    BrokenVoiceFolderError,
    VoiceRecord,
    next_number,
    read_voice,
    recording_name,
    write_voice,
)

MAX_VOICES = 200
_TEMPORARY = ".passing-"
"""Prefix of the names of temporary folders. Those that a crash has left are deleted at the next start of the server."""

_log = logging.getLogger(__name__)


class VoiceExistsError(ValueError):
    """There is already a voice of that name."""


class LibraryFullError(ValueError):
    """The library, or this voice, has reached its limit."""


class VoiceLibrary(VoiceProfileStore):
    """The folder of voices; a :class:`~tts_server.voices.profile.VoiceProfileStore`.

    Methods that read are fast and thread-safe. Methods that change a voice block, and only one runs at a time: call
    them in a thread.

    Args:
        tidies: whether :meth:`load` deletes temporary folders. A program that only looks at the voices must not: the
            folders may be those of a server that is running.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, *, tidies: bool = True) -> None:
        self._folder = folder.absolute()
        self._tidies = tidies
        self._clock = clock
        self._write_lock = threading.Lock()
        # This dictionary is replaced as a whole and never modified, so that reading needs no lock.
        self._records: dict[str, VoiceRecord] = {}

    def load(self) -> None:
        """Read the folder, and create it if it is missing. Blocks. Broken voices are logged and skipped.

        Raises:
            OSError: the folder can't be created or read.
        """
        with self._write_lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            found: dict[str, VoiceRecord] = {}
            for folder in sorted(self._folder.iterdir()):
                if folder.is_symlink() or not folder.is_dir():
                    continue
                if folder.name.startswith(_TEMPORARY):
                    if self._tidies:
                        shutil.rmtree(folder, ignore_errors=True)
                elif is_voice_id(folder.name):
                    try:
                        found[folder.name] = read_voice(folder)
                    except BrokenVoiceFolderError as error:
                        _log.warning("The voice %s is left out: %s", folder.name, error)
            self._publish(found.values())

    @override
    def all(self) -> Sequence[VoiceProfile]:
        return [record.profile for record in self._records.values()]

    @override
    def get(self, voice: str) -> VoiceProfile | None:
        record = self._records.get(voice)
        return record.profile if record else None

    def records(self) -> Sequence[VoiceRecord]:
        """The records of all voices, oldest first."""
        return list(self._records.values())

    def record(self, voice: str) -> VoiceRecord:
        """The record of one voice.

        Raises:
            UnknownVoiceError: the library has no such voice.
        """
        record = self._records.get(voice)
        if record is None:
            raise UnknownVoiceError(f"there is no voice {voice!r} that was made from recordings")
        return record

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a temporary folder inside the library, which is deleted at the end of the block. Blocks briefly."""
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=self._folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def check_can_create(self, name: str, others: Collection[str] = ()) -> None:
        """Check whether a voice could be created. ``others`` are further names that are taken.

        Raises:
            BadNameError: the name is not valid.
            VoiceExistsError: the name is taken.
            LibraryFullError: there are too many voices.
        """
        clean = clean_name(name)
        for taken in (*(record.profile.name for record in self._records.values()), *others):
            if same_name(clean, taken):
                raise VoiceExistsError(f"there is a voice called {taken!r} already: choose another name")
        if len(self._records) >= MAX_VOICES:
            raise LibraryFullError(f"there are {MAX_VOICES} voices already: delete one first")

    def create(
        self, name: str, language: str, recordings: Sequence[PreparedRecording], others: Collection[str] = ()
    ) -> VoiceRecord:
        """Create a voice. Its recordings are moved into the library. Blocks.

        Args:
            others: further names and ids that are taken.

        Raises:
            BadNameError: the name is not valid.
            BadLanguageError: the language is not valid.
            VoiceExistsError: the name is taken.
            LibraryFullError: there are too many voices or recordings.
        """
        name, language = clean_name(name), clean_language(language)
        with self._write_lock:
            self.check_can_create(name, others)
            _check_number(len(recordings))
            taken = {*(path.name.lower() for path in self._folder.iterdir()), *(other.lower() for other in others)}
            folder = self._folder / voice_id(name, taken)
            with self.workspace() as workspace:
                unfinished = workspace / "voice"
                unfinished.mkdir()
                profile = VoiceProfile(folder.name, name, language, _move(recordings, unfinished, 1), digest="")
                seconds = tuple(recording.seconds for recording in recordings)
                write_voice(unfinished, VoiceRecord(profile, seconds, self._clock()))
                unfinished.rename(folder)
            return self._reload(folder)

    def add_recordings(self, voice: str, recordings: Sequence[PreparedRecording]) -> VoiceRecord:
        """Add recordings to a voice. They are moved into the library.

        The voice's similarity (see :meth:`set_similarity`) is cleared. Blocks.

        Raises:
            UnknownVoiceError: the library has no such voice.
            LibraryFullError: the voice has too many recordings.
        """
        with self._write_lock:
            record = self.record(voice)
            old = record.profile.recordings
            _check_number(len(old) + len(recordings))
            folder = self._folder / voice
            new = _move(recordings, folder, next_number(old))
            profile = replace(record.profile, recordings=old + new)
            seconds = record.seconds + tuple(recording.seconds for recording in recordings)
            write_voice(folder, replace(record, profile=profile, seconds=seconds, similarity=None))
            return self._reload(folder)

    def set_similarity(self, voice: str, similarity: float) -> VoiceRecord:
        """Store the similarity of a voice to its recordings (cosine, -1 to 1). Blocks.

        Raises:
            UnknownVoiceError: the library has no such voice.
        """
        with self._write_lock:
            record = replace(self.record(voice), similarity=min(max(similarity, -1.0), 1.0))
            write_voice(self._folder / voice, record)
            self._publish({**self._records, voice: record}.values())
            return record

    def restore(self, record: VoiceRecord) -> None:
        """Reset a voice to an earlier record. Recordings added since then are deleted. Blocks.

        Raises:
            UnknownVoiceError: the library has no such voice.
        """
        voice = record.profile.id
        with self._write_lock:
            now = self.record(voice)
            write_voice(self._folder / voice, record)
            self._publish({**self._records, voice: record}.values())
            for path in set(now.profile.recordings) - set(record.profile.recordings):
                path.unlink(missing_ok=True)

    def delete(self, voice: str) -> None:
        """Delete a voice and its recordings. Blocks.

        Raises:
            UnknownVoiceError: the library has no such voice.
        """
        with self._write_lock:
            self.record(voice)
            # The voice is moved into the workspace and deleted with it, so that a half-deleted voice is never listed.
            with self.workspace() as trash:
                with suppress(FileNotFoundError):
                    (self._folder / voice).rename(trash / voice)
                self._publish(record for record in self._records.values() if record.profile.id != voice)

    def _reload(self, folder: Path) -> VoiceRecord:
        record = read_voice(folder)
        self._publish({**self._records, folder.name: record}.values())
        return record

    def _publish(self, records: Iterable[VoiceRecord]) -> None:
        oldest_first = sorted(records, key=lambda record: (record.made_at, record.profile.id))
        self._records = {record.profile.id: record for record in oldest_first}


def _check_number(recordings: int) -> None:
    if recordings > MAX_RECORDINGS:
        raise LibraryFullError(f"a voice has at most {MAX_RECORDINGS} recordings")


def _move(recordings: Sequence[PreparedRecording], folder: Path, first: int) -> tuple[Path, ...]:
    paths = []
    for number, recording in enumerate(recordings, first):
        path = folder / recording_name(number)
        recording.path.replace(path)
        paths.append(path)
    return tuple(paths)
