"""Updates the index from ``KNOWLEDGE_DIR``: reads files that are new or changed, and removes those that are gone."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.knowledge.index import Index, IndexedFile
from bot.knowledge.readers.child import KINDS
from bot.knowledge.reading import SECONDS, kind_of, read_file
from bot.text import counted
from config.reasons import reason

_log = logging.getLogger(__name__)

MAX_FILES = 10_000
"""Of a folder with more files, only this many are read."""
_UNREADABLE = "unreadable"
_LEADS_OUT = "link out of the folder or to a subfolder"
_NOT_IN_NAMES = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's categories of characters that would make a file's name look like several lines, or control a terminal."""
_PROGRESS_EVERY = 25
"""Number of files that are read between two messages about the progress."""


class FolderError(OSError):
    """``KNOWLEDGE_DIR`` can't be read. The text says why."""


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The files of a folder.

    Attributes:
        stamps: the size and time of change of each file that is to be read, by its path in the folder.
        notices: what is left out, in words for people.
    """

    stamps: Mapping[str, str]
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class Update:
    """What an update of the index did.

    Attributes:
        read: number of files that were read.
        removed: number of files that were removed.
        problems: a sentence for each file that could not be read completely, and for what is left out of the folder.
    """

    read: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


def check_folder(folder: Path) -> None:
    """Check that the folder can be read. Blocks on the disk; raises :class:`FolderError`."""
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise FolderError(f"KNOWLEDGE_DIR={folder} can't be read: {reason(error)}") from error


def folder_content(folder: Path) -> FolderContent:
    """The files of a folder and of the folders in it. Hidden ones are left out. Blocks on the disk.

    Raises:
        FolderError: the folder can't be read.
    """
    stamps: dict[str, str] = {}
    others: Counter[str] = Counter()
    check_folder(folder)
    root = folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=lambda _: others.update([_UNREADABLE])):
        others.update(_LEADS_OUT for each in folders if not each.startswith(".") and Path(parent, each).is_symlink())
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            if name.startswith(".") or name.endswith("~"):
                continue
            stamp = _stamp(file, root, others)
            if stamp is None:
                continue
            if len(stamps) == MAX_FILES:
                return FolderContent(stamps, (f"{folder}: only its first {MAX_FILES:,} files are read",))
            stamps[str(file.relative_to(folder))] = stamp
    notices = [f"{count} × {kind or 'without an ending'}" for kind, count in sorted(others.items())]
    kinds = ", ".join(KINDS)
    left_out = (f"{folder}: not read: {'; '.join(notices[:10])}. Files that are read end with {kinds}",)
    return FolderContent(stamps, left_out if notices else ())


def _stamp(file: Path, root: Path, others: Counter[str]) -> str | None:
    """The size and time of change of a file, and whether this user can read it; ``None`` if the file is left out.

    The reason why it is left out is counted in ``others``.

    Args:
        root: the folder of all files, without links in its path.
    """
    why = _UNREADABLE
    try:
        str(file).encode()
        if any(unicodedata.category(char) in _NOT_IN_NAMES for char in str(file.relative_to(file.parent))):
            why = "name with a control character"
        elif kind_of(file) is None:
            why = file.suffix.lower()
        elif not file.resolve(strict=True).is_relative_to(root):
            # The link may lead to a file that is the bot's alone, as .env is.
            why = _LEADS_OUT
        elif stat.S_ISREG((status := file.stat()).st_mode):
            # The stamp also changes when the file becomes readable. So the file is read then, though it is the same.
            return f"{status.st_size} {status.st_mtime_ns}{'' if os.access(file, os.R_OK) else ' not readable'}"
        else:
            why = "neither file nor folder"
    except (OSError, RuntimeError, UnicodeEncodeError):
        # The file was removed just now, is a link that leads nowhere or to itself, or has a name that is no text.
        pass
    others[why] += 1
    return None


async def update(
    index: Index,
    folder: Path,
    tell: Callable[[str], None] = lambda _: None,
    seconds: float = SECONDS,
    *,
    again: bool = False,
) -> Update:
    """Bring the index up to date. A file that can't be read never keeps the others from being read.

    Args:
        tell: called with sentences about the progress.
        seconds: seconds in which each file must be read.
        again: whether to read also the files that have not changed.

    Raises:
        FolderError: the folder can't be read. The index stays as it is.
        KnowledgeError: the index can't be written.
    """
    content = await asyncio.to_thread(folder_content, folder)
    known = await asyncio.to_thread(index.files)
    done = Update(problems=list(content.notices))
    gone = [path for path in known if path not in content.stamps]
    if gone:
        await asyncio.to_thread(index.remove, gone)
        done.removed = len(gone)
    changed = [
        path for path, stamp in content.stamps.items() if again or path not in known or known[path].stamp != stamp
    ]
    for path in changed:
        file = await _read(index, folder, path, content.stamps[path], seconds)
        done.read += 1
        done.problems += problems_of(file)
        if done.read % _PROGRESS_EVERY == 0 and done.read < len(changed):
            tell(f"Knowledge: {done.read} of {len(changed)} files are read")
    return done


def problems_of(file: IndexedFile) -> list[str]:
    """A sentence for each part of a file that could not be read. Each sentence names the file."""
    faults = [f"{file.path} can't be read: {file.fault}"] if file.fault is not None else []
    return faults + [f"{file.path}: {notice}" for notice in file.notices]


async def _read(index: Index, folder: Path, path: str, stamp: str, seconds: float) -> IndexedFile:
    kind = kind_of(Path(path))
    assert kind is not None  # noqa: S101  # the folder's content has only files that are read
    try:
        content = await read_file(folder / path, kind, seconds)
    except OSError as error:
        file = IndexedFile(path, stamp, (), f"its reader can't be started: {reason(error)}")
        await asyncio.to_thread(index.replace, file, ())
        return file
    fault = content.fault
    if fault is not None and content.passages:
        fault = f"{fault}; {counted(len(content.passages), 'passage')} of it kept"
    elif fault is None and not content.passages:
        fault = "; ".join(content.notices) or "it is empty"
    file = IndexedFile(path, stamp, content.notices if content.passages else (), fault)
    await asyncio.to_thread(index.replace, file, content.passages)
    return file
