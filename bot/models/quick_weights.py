"""The quicker copy of a small language model's weights: made once on this machine, and checked before it is used."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from bot.models.model_store import PARTIAL, SPARE_DISK, Advance, sha256_of, size_of

if TYPE_CHECKING:
    from bot.models.quick_conversion import SlowWeights

NO_QUICK_COPY = "the quicker copy of {name} can't be made ({reason}), so {name} is used as it was fetched."
_WAY = 1
"""Version of the conversion, which is a part of a copy's name. A new version makes all copies anew."""
_NAME = "quick-{way}-{sha256}{ending}"
_WEIGHTS, _NOTE, _LOCK = ".gguf", ".json", ".quick.lock"
_LOCK_LIMIT = 60.0
"""Seconds to wait for another process that makes the same copy. Making one takes a few seconds."""
_LARGEST = 10**9
"""Number of bytes of the largest weights that get a copy. Larger ones would take half a minute and much of the disk."""

Begin = Callable[[int], Advance]
"""Called before a copy is made, with the number of bytes to convert. Returns a function that reports the progress."""


class CopyStoppedError(Exception):
    """Raised by a function that reports the progress, to stop a copy that nobody waits for any more."""


def quick_weights(weights: Path, sha256: str, begin: Begin) -> Path:
    """The quicker copy of these weights, which is made first if it is not here or is damaged.

    Returns the weights themselves if they are large or not in Q4_1. Blocks for a few seconds while the copy is made.
    Other processes may call this at the same time.

    Args:
        sha256: the checksum of the weights, which are known to be right.

    Raises:
        OSError: the weights can't be read, or the copy can't be written.
    """
    copy = QuickCopy(weights, sha256)
    if copy.is_right():
        return copy.file
    if weights.stat().st_size > _LARGEST:
        return weights
    # Imported here, because it takes a third of a second, and only the first start needs it.
    from bot.models.quick_conversion import slow_weights

    with weights.open("rb") as file:
        slow = slow_weights(file)
        if slow is None:
            return weights
        with FileLock(weights.parent / _LOCK, timeout=_LOCK_LIMIT):
            if not copy.is_right():
                copy.make(slow, begin)
    return copy.file


def discard_damaged_copy(weights: Path, sha256: str) -> bool:
    """Read the copy of these weights, if there is one. If it is damaged, delete it; returns whether it was damaged.

    Raises:
        OSError: the copy can't be deleted.
    """
    copy = QuickCopy(weights, sha256)
    if size_of(copy.file) is None or copy.is_right(thorough=True):
        return False
    copy.file.unlink()
    return True


def quick_bytes(folder: Path) -> int:
    """Number of bytes of the copies in a model's folder."""
    return sum(size_of(path) or 0 for path in _copies(folder))


@dataclass(frozen=True, slots=True)
class QuickCopy:
    """The copy of the weights with this checksum. It lies beside them, so it is deleted with their folder."""

    weights: Path
    sha256: str

    @property
    def file(self) -> Path:
        """The GGUF file of the copy, whether it exists or not."""
        return self._beside(_WEIGHTS)

    def is_right(self, *, thorough: bool = False) -> bool:
        """Whether the copy is here and undamaged. It is read again only if it has changed since it was last checked.

        Args:
            thorough: read the copy, even if it is unchanged.
        """
        try:
            note = json.loads(self._beside(_NOTE).read_bytes())
            if not thorough and note["stamps"] == self._stamps():
                return True
            if note["sha256"] != sha256_of(self.file, lambda _: None):
                return False
        except (OSError, ValueError, TypeError, KeyError):
            return False
        with contextlib.suppress(OSError):
            self._write_note(note["sha256"])
        return True

    def make(self, slow: SlowWeights, begin: Begin) -> None:
        """Delete older copies, and make this one.

        Raises:
            OSError: the copy can't be written, or there is too little memory.
        """
        delete_copies(self.weights.parent)
        room = size_of(self.weights) or 0
        if shutil.disk_usage(self.weights.parent).free < 2 * room + SPARE_DISK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.file))
        digest = hashlib.sha256()
        partial = self.file.with_name(self.file.name + PARTIAL)
        try:
            with partial.open("wb") as new:

                def write(piece: bytes) -> None:
                    digest.update(piece)
                    new.write(piece)

                slow.convert(write, begin(slow.size))
                new.flush()
                os.fsync(new.fileno())
            partial.replace(self.file)
            self._write_note(digest.hexdigest())
        except BaseException as error:
            delete_copies(self.weights.parent)
            if isinstance(error, MemoryError):
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(self.file)) from error
            raise

    def _write_note(self, sha256: str) -> None:
        note = self._beside(_NOTE)
        new = note.with_name(note.name + PARTIAL)
        new.write_text(json.dumps({"sha256": sha256, "stamps": self._stamps()}), encoding="utf-8")
        new.replace(note)

    def _stamps(self) -> list[int]:
        """Size and times of the file. They change when something is written to it."""
        seen = self.file.stat()
        return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]

    def _beside(self, ending: str) -> Path:
        return self.weights.with_name(_NAME.format(way=_WAY, sha256=self.sha256[:12], ending=ending))


def delete_copies(folder: Path) -> None:
    """Delete all copies in a model's folder, and what belongs to them."""
    for path in _copies(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def _copies(folder: Path) -> Iterator[Path]:
    return folder.glob(_NAME.format(way="*", sha256="*", ending=".*"))
