"""Where weights lie on this disk, and whether they are what was downloaded."""

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

from bot.models.catalogue import Commit, FilePath, Line, Model, ModelFile, ModelId, Repository

MANIFEST = "manifest.json"
FOUND_RIGHT = "found-right.json"
"""Beside the manifest: size and times of each file when its SHA-256 was right, so that a start need not read all."""
PARTIAL = ".part"
"""What a file's name ends in until it has arrived whole and was found right."""
BLOCK = 1024 * 1024

Advance = Callable[[int], None]
"""Told how many bytes were dealt with since; negative when some must be dealt with again."""


class Manifest(BaseModel):
    """What was downloaded, written beside it when all of it had arrived: the measure of a check without a network."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: ModelId
    title: Line
    repository: Repository | None = None
    revision: Commit | None = None
    licence: str
    downloaded_at: datetime
    files: tuple[ModelFile, ...]


class Condition(StrEnum):
    """What a start finds of a model."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FileFault:
    """What is wrong with a file."""

    path: FilePath
    text: str


class ModelStore:
    """A folder with one folder for each model. Everything here blocks: call it in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """Where the model lies, or would."""
        return self.root / name

    def arrived(self, name: str, model: Model) -> int:
        """Bytes of it that are here, checked or not."""
        return sum(min(file.size, self._size_here(name, file)) for file in model.files)

    def is_whole(self, name: str, model: Model) -> bool:
        """Whether all of it was downloaded and nothing has changed its size since."""
        manifest = self.manifest(name)
        if manifest is None or _contents(manifest.files) != _contents(model.files):
            return False
        return all(size_of(self.folder(name) / file.path) == file.size for file in model.files)

    def manifest(self, name: str) -> Manifest | None:
        """What was downloaded under this name, if all of it was."""
        try:
            return Manifest.model_validate_json((self.folder(name) / MANIFEST).read_bytes())
        except (OSError, ValidationError):
            return None

    def write_manifest(self, name: str, model: Model) -> None:
        """Note that all of it is here and right; raises :class:`OSError`."""
        manifest = Manifest(model=name, downloaded_at=datetime.now(UTC), **model.model_dump(include=_NOTED))
        new = self.folder(name) / (MANIFEST + PARTIAL)
        new.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        new.replace(self.folder(name) / MANIFEST)
        self._note_right(name, model.files)

    def condition(self, name: str, model: Model, *, thorough: bool = False) -> Condition:
        """Whether it can be used. Blocks.

        Reads again what was written to since it was last found right; ``thorough`` reads all.
        """
        manifest = self.manifest(name)
        if manifest is None or _contents(manifest.files) != _contents(model.files):
            return Condition.MISSING
        if any(size_of(self.folder(name) / file.path) != file.size for file in model.files):
            return Condition.DAMAGED
        if thorough or self._seen(name, model.files) != self._noted_right(name):
            if any(self.faults(manifest, lambda _: None)):
                return Condition.DAMAGED
            self._note_right(name, model.files)
        return Condition.WHOLE

    def faults(self, manifest: Manifest, advance: Advance) -> Iterator[FileFault]:
        """Read all of it again, and say what is no longer as it was downloaded."""
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
        """Delete what is broken, so that it is missing; raises :class:`OSError`."""
        for fault in faults:
            (self.folder(name) / MANIFEST).unlink(missing_ok=True)
            (self.folder(name) / fault.path).unlink(missing_ok=True)

    def _note_right(self, name: str, files: Iterable[ModelFile]) -> None:
        with contextlib.suppress(OSError):
            (self.folder(name) / FOUND_RIGHT).write_text(json.dumps(self._seen(name, files)), encoding="utf-8")

    def _noted_right(self, name: str) -> object:
        try:
            return json.loads((self.folder(name) / FOUND_RIGHT).read_bytes())
        except (OSError, ValueError):
            return None

    def _seen(self, name: str, files: Iterable[ModelFile]) -> dict[str, list[int]]:
        """Size and times of each file: another when something was written to it."""
        found = {file.path: (self.folder(name) / file.path).stat() for file in files}
        return {path: [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns] for path, seen in found.items()}

    def _size_here(self, name: str, file: ModelFile) -> int:
        path = self.folder(name) / file.path
        return size_of(path) or size_of(partial(path)) or 0


def _contents(files: Iterable[ModelFile]) -> set[tuple[str, str]]:
    return {(file.path, file.sha256) for file in files}


_NOTED = {"title", "repository", "revision", "licence", "files"}


def partial(path: Path) -> Path:
    """Where a file grows while it arrives."""
    return path.with_name(path.name + PARTIAL)


def size_of(path: Path) -> int | None:
    """Its bytes; ``None`` where there is no such file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def keep_if_right(path: Path, file: ModelFile) -> bool:
    """Whether the right file is there; a wrong one is deleted. Blocks; raises :class:`OSError`."""
    if size_of(path) is None:
        return False
    if size_of(path) == file.size and sha256_of(path, lambda _: None) == file.sha256:
        return True
    path.unlink()
    return False


def sha256_of(path: Path, advance: Advance) -> str:
    """The file's SHA-256, hexadecimal; raises :class:`OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()
