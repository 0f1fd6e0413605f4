"""The model store: a folder with downloaded models, and the checks that they are unchanged."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.models.catalogue import CatalogueText, Commit, FilePath, Model, ModelFile, ModelId, Repository

MANIFEST = "manifest.json"
"""Name of the file in a model's folder that describes the complete download."""
VERIFIED = "found-right.json"
"""Name of the file that records the size and times that each model file had when its SHA-256 was last checked.

While size and times stay the same, the bot does not have to read the model files again when it starts.
"""
PARTIAL = ".part"
"""Ending of a file's name until the file is complete and was checked."""
SPARE_DISK = 200 * 10**6
"""Number of bytes that must stay free on a disk on which weights are written."""
BLOCK = 1024 * 1024
"""Number of bytes that are read in one go."""

Advance = Callable[[int], None]
"""Called with the number of bytes that were processed since the last call; negative if bytes must be processed
again."""


class Manifest(BaseModel):
    """Description of a complete download, written at its end. Checks compare the files with it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: ModelId
    title: CatalogueText
    repository: Repository | None = None
    revision: Commit | None = None
    licence: str
    downloaded_at: datetime
    files: tuple[ModelFile, ...]


class Condition(StrEnum):
    """The condition of a model's files."""

    COMPLETE = "complete"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FileFault:
    """A fault of one file of a model, with a description for people, such as "is missing"."""

    path: FilePath
    text: str


class ModelStore:
    """A folder that contains one folder for each downloaded model.

    All methods block on the disk, so call them in a thread.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """The model's folder, whether it exists or not."""
        return self.root / name

    def stored_bytes(self, name: str, model: Model) -> int:
        """Number of bytes of the model that are on the disk, checked or not."""
        return sum(min(file.size, self._size_here(name, file)) for file in model.files)

    def is_whole(self, name: str, model: Model) -> bool:
        """Whether the model was downloaded completely, and its files still have their sizes."""
        manifest = self.manifest(name)
        if manifest is None or _contents(manifest.files) != _contents(model.files):
            return False
        return all(size_of(self.folder(name) / file.path) == file.size for file in model.files)

    def manifest(self, name: str) -> Manifest | None:
        """The manifest of a complete download; ``None`` if there is none, or it can't be read."""
        try:
            return Manifest.model_validate_json((self.folder(name) / MANIFEST).read_bytes())
        except (OSError, ValidationError):
            return None

    def write_manifest(self, name: str, model: Model) -> None:
        """Record that the model is complete and was checked.

        Raises:
            OSError: the manifest can't be written.
        """
        manifest = Manifest(model=name, downloaded_at=datetime.now(UTC), **model.model_dump(include=_NOTED))
        new = self.folder(name) / (MANIFEST + PARTIAL)
        new.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        new.replace(self.folder(name) / MANIFEST)
        self._note_verified(name, model.files)

    def condition(self, name: str, model: Model, *, thorough: bool = False) -> Condition:
        """Check whether the model can be used.

        Files are read again only if they have changed since they were last checked.

        Args:
            thorough: read all files, even if they are unchanged.
        """
        manifest = self.manifest(name)
        if manifest is None or _contents(manifest.files) != _contents(model.files):
            return Condition.MISSING
        if any(size_of(self.folder(name) / file.path) != file.size for file in model.files):
            return Condition.DAMAGED
        if thorough or self._stamps(name, model.files) != self._verified_stamps(name):
            if any(self.faults(manifest, lambda _: None)):
                return Condition.DAMAGED
            self._note_verified(name, model.files)
        return Condition.COMPLETE

    def lacking(self, name: str, model: Model) -> list[ModelFile]:
        """The files that still have to be downloaded: those that are missing, unfinished or damaged.

        Files of a complete download are read again only if they have changed since they were last checked.
        """
        damaged: set[str] = set()
        manifest = self.manifest(name)
        if manifest is not None and self.condition(name, model) is Condition.DAMAGED:
            damaged = {fault.path for fault in self.faults(manifest, lambda _: None)}
        return [
            file for file in model.files if file.path in damaged or size_of(self.folder(name) / file.path) != file.size
        ]

    def faults(self, manifest: Manifest, advance: Advance) -> Iterator[FileFault]:
        """Read all files, and yield the faults of those that differ from the manifest."""
        for file in manifest.files:
            path = self.folder(manifest.model) / file.path
            size = size_of(path)
            if size is None:
                yield FileFault(file.path, "is missing")
            elif size != file.size:
                yield FileFault(file.path, f"has {size:,} bytes instead of {file.size:,}")
            else:
                try:
                    right = sha256_of(path, advance) == file.sha256
                except OSError as error:
                    yield FileFault(file.path, f"can't be read ({error.strerror})")
                    continue
                if not right:
                    yield FileFault(file.path, "has other contents than what was downloaded")

    def discard(self, name: str, faults: Iterable[FileFault]) -> None:
        """Delete the faulty files and the manifest, so that they are downloaded again.

        Raises:
            OSError: a file can't be deleted.
        """
        for fault in faults:
            (self.folder(name) / MANIFEST).unlink(missing_ok=True)
            (self.folder(name) / fault.path).unlink(missing_ok=True)

    def _note_verified(self, name: str, files: Iterable[ModelFile]) -> None:
        with contextlib.suppress(OSError):
            (self.folder(name) / VERIFIED).write_text(json.dumps(self._stamps(name, files)), encoding="utf-8")

    def _verified_stamps(self, name: str) -> object:
        try:
            return json.loads((self.folder(name) / VERIFIED).read_bytes())
        except (OSError, ValueError):
            return None

    def _stamps(self, name: str, files: Iterable[ModelFile]) -> dict[str, list[int]]:
        """Size and times of each file. They change when something is written to the file."""
        found = {file.path: (self.folder(name) / file.path).stat() for file in files}
        return {path: [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns] for path, seen in found.items()}

    def _size_here(self, name: str, file: ModelFile) -> int:
        path = self.folder(name) / file.path
        return size_of(path) or size_of(partial_path(path)) or 0


def _contents(files: Iterable[ModelFile]) -> set[tuple[str, str]]:
    return {(file.path, file.sha256) for file in files}


_NOTED = {"title", "repository", "revision", "licence", "files"}


def partial_path(path: Path) -> Path:
    """The path of a file while it is being downloaded."""
    return path.with_name(path.name + PARTIAL)


def size_of(path: Path) -> int | None:
    """The file's size in bytes; ``None`` if there is no such file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def verify_or_delete(path: Path, file: ModelFile) -> bool:
    """Whether the file exists and has the right size and SHA-256. A wrong file is deleted. Blocks on the disk.

    Raises:
        OSError: the file can't be read or deleted.
    """
    if size_of(path) is None:
        return False
    if size_of(path) == file.size and sha256_of(path, lambda _: None) == file.sha256:
        return True
    path.unlink()
    return False


def sha256_of(path: Path, advance: Advance) -> str:
    """The file's SHA-256, hexadecimal. Blocks on the disk.

    Raises:
        OSError: the file can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()
