"""The Markdown files of notes, in ``DATA_DIR/notes``. Everything in this module blocks on the disk."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from bot.database.files import PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE
from bot.notes.lines import NoteHead

_log = logging.getLogger(__name__)

FOLDER = "notes"
"""Name of the folder in ``DATA_DIR``."""
_NAME = re.compile(r"\d{8}T\d{6}Z-(\d{1,18})\.md(?:\.new)?")


class NoteFiles:
    """The files of notes, one for each call. A file's name is the time when the call began (UTC) and the notes' id.

    Args:
        folder: the folder of the files. It is made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, head: NoteHead) -> Path:
        """The file of a call's notes."""
        return self._folder / f"{datetime.fromtimestamp(head.started, UTC):%Y%m%dT%H%M%SZ}-{head.id}.md"

    def has(self, head: NoteHead, text: str) -> bool:
        """Whether the file of a call's notes has exactly this text."""
        try:
            return self.path(head).read_text(encoding="utf-8") == text
        except (OSError, UnicodeDecodeError):
            return False

    def write(self, head: NoteHead, text: str) -> bool:
        """Write a file, and replace an older one. If that fails, the failure is logged and False is returned."""
        path = self.path(head)
        new = path.with_name(f"{path.name}.new")
        try:
            self._folder.mkdir(PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
            new.touch(PRIVATE_FILE_MODE)
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        except OSError as error:
            _log.warning("%s can't be written: %s. The notes are in the database", path, error)
            return False
        return True

    def delete_all_but(self, notes: Collection[int]) -> dict[int, OSError]:
        """Delete all unfinished files (``.new``), and the files of all notes except these. Files with other names stay.

        Returns why files could not be deleted, by the ids of their notes.

        Raises:
            OSError: the folder can't be read.
        """
        failures = dict[int, OSError]()
        for file in self._folder.iterdir() if self._folder.is_dir() else ():
            named = _NAME.fullmatch(file.name)
            if named is not None and (int(named[1]) not in notes or file.suffix == ".new"):
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    failures[int(named[1])] = error
        return failures
