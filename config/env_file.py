"""Reads ``.env`` with line numbers."""

from __future__ import annotations

import io
import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from config.errors import Fault, SettingsError, shown

ENV_FILE = Path(".env")
"""The settings file, relative to the folder in which a program is started."""
MAX_FILE = 256 * 1024
"""A file with more bytes is refused."""
MAX_LINES = 5_000
"""A file with more lines is refused."""
MAX_VALUES = 1 << 20
"""A file is refused if all its values together have more characters, after ``${NAME}`` in them is replaced."""
_VARIABLE = re.compile(r"\$\{([^}:]{0,256})(?::-([^}]*))?\}")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LEAST_ZEROS_OF_UTF_16 = 0.2
"""If a larger share of its bytes is zero, a file counts as UTF-16. With fewer zero bytes, it counts as damaged."""


@dataclass(frozen=True, slots=True)
class EnvLine:
    """A line with a setting.

    Attributes:
        name: name of the setting; ``None`` if the line can't be parsed.
        value: value of the setting; ``None`` if there is no ``=``.
    """

    number: int
    name: str | None
    value: str | None
    text: str


def read_env_lines(file: Path) -> list[EnvLine]:
    """All settings in the file, in order. Raises :class:`~config.errors.SettingsError`."""
    return list(_lines(read_env_text(file)))


def read_env_values(file: Path) -> dict[str, str]:
    """The values that the file sets, by name. Raises :class:`~config.errors.SettingsError`."""
    found: dict[str, str] = {}
    known = ChainMap(found, os.environ)
    room = MAX_VALUES
    for binding in parse_stream(io.StringIO(read_env_text(file))):
        if binding.key is not None and binding.value is not None:
            value = _filled_in(binding.value, known, room)
            if value is None:
                line, name = _first_line(binding), shown(binding.key)
                raise SettingsError(
                    f"{file}, line {line}: {name[1:-1]} is too long with the variables that it names. "
                    "Write it without them."
                )
            found[binding.key] = value
            room -= len(value)
    return found


def _filled_in(value: str, known: Mapping[str, str], room: int) -> str | None:
    """The value with ``${NAME}`` and ``${NAME:-default}`` replaced; ``None`` if it becomes longer than ``room``."""
    head, brace, rest = value.rpartition("}")
    parts, at, length = list[str](), 0, len(rest)
    for variable in _VARIABLE.finditer(head + brace):
        parts += [value[at : variable.start()], known.get(variable[1], variable[2] or "")]
        length += len(parts[-2]) + len(parts[-1])
        at = variable.end()
        if length > room:
            return None
    filled = "".join((*parts, value[at:]))
    return filled if len(filled) <= room else None


def with_place(fault: Fault, secrets_dir: Path, file: Path = ENV_FILE) -> Fault:
    """Add the place of the fault: the file of secrets, or the line of ``.env``, that gives the setting its value.

    If the fault concerns several settings, the first one that has such a place counts.
    """
    named = {line.name.upper(): line.number for line in read_env_lines(file) if line.name and line.value is not None}
    in_environment = {name.upper() for name in os.environ}
    for variable in fault.variables:
        secret = secrets_dir / variable.lower()
        if _holds_a_value(secret):
            return Fault(fault.text, fault.variables, str(secret))
        if variable not in in_environment and variable in named:
            return at_line(fault, named[variable], file)
    return fault


def _holds_a_value(secret: Path) -> bool:
    try:
        return bool(secret.read_bytes().strip())
    except OSError:
        return secret.is_file()


def at_line(fault: Fault, number: int, file: Path) -> Fault:
    """The fault, placed in this line of the file."""
    return Fault(fault.text, fault.variables, f"{file}, line {number}", number)


def read_env_text(file: Path) -> str:
    """Text of the file; empty if there is no file. Raises :class:`~config.errors.SettingsError`."""
    if file.is_dir():
        raise SettingsError(f"{file} is a folder. Remove it, and write the settings into a file of that name.")
    try:
        data = _beginning(file) if file.exists() else b""
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror or error}.") from error
    if len(data) > MAX_FILE or data.count(b"\n") > MAX_LINES:
        bounds = f"{MAX_FILE // 1024} KiB or {MAX_LINES:,} lines"
        raise SettingsError(f"{file} is longer than {bounds}. Keep only the settings in it.")
    if data.startswith(_UTF_16) or data.count(0) > _LEAST_ZEROS_OF_UTF_16 * len(data):
        raise SettingsError(f"{file} is written in UTF-16, as some Windows programs save text. Save it again as UTF-8.")
    if (at := data.find(0)) >= 0:
        line = data[:at].count(b"\n") + 1
        raise SettingsError(f"{file}, line {line}: there is a zero byte here. Delete this line and type it again.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{file}, line {line}: a letter here is not written in UTF-8. Save the file again as UTF-8."
        ) from None


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_FILE + 1)


def _lines(text: str) -> Iterator[EnvLine]:
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or binding.key is not None:
            yield EnvLine(_first_line(binding), binding.key, binding.value, binding.original.string.strip())


def _first_line(binding: Binding) -> int:
    """Line number of the setting itself. The parser gives the line of the first blank line before the setting."""
    before = len(binding.original.string) - len(binding.original.string.lstrip())
    return binding.original.line + binding.original.string[:before].count("\n")
