"""``.env`` as it stands on the disk: whether it can be read, and what in it is not what its author meant."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from config.errors import SettingsError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class EnvLine:
    """A setting in the file; ``value`` is ``None`` where there is no ``=``, and ``name`` where it can't be read."""

    number: int
    name: str | None
    value: str | None
    text: str


def check_env_file(file: Path) -> None:
    """See that the file can be read, where there is one; raises :class:`~config.errors.SettingsError`."""
    read_env_text(file)


def read_env_lines(file: Path) -> list[EnvLine]:
    """Every setting of the file, in its order; raises :class:`~config.errors.SettingsError`."""
    return list(_lines(read_env_text(file)))


def read_env_text(file: Path) -> str:
    """The file's text; nothing where there is none. Raises :class:`~config.errors.SettingsError`."""
    try:
        data = file.read_bytes() if file.is_file() else b""
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror or error}.") from error
    if data.startswith(_UTF_16) or b"\0" in data:
        raise SettingsError(f"{file} is written in UTF-16, as some Windows programs save text. Save it again as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{file}, line {line}: a letter here is not written in UTF-8. Save the file again as UTF-8."
        ) from None


def _lines(text: str) -> Iterator[EnvLine]:
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or binding.key is not None:
            yield EnvLine(_first_line(binding), binding.key, binding.value, binding.original.string.strip())


def _first_line(binding: Binding) -> int:
    """The parser counts from the blank lines before it on."""
    before = len(binding.original.string) - len(binding.original.string.lstrip())
    return binding.original.line + binding.original.string[:before].count("\n")
