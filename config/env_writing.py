"""Writes settings into ``.env``: other lines and comments stay, and the file is replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from config.env_file import read_env_text
from config.errors import SettingsError
from config.reasons import FULL_DISK, reason

Changes = Mapping[str, str | None]
"""The new value of each setting, by the setting's name in capitals. A setting whose value is ``None`` is taken out."""
PRIVATE = 0o600
BACKUP = ".before-"
"""The name of a backup is the file's name, this, and the time."""
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=~&?-]*")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_COMMENT = re.compile(r"[^\S\r\n]+#[^\r\n]*")
_EXPORT = re.compile(r"export[^\S\r\n]+")


class EnvWriteError(OSError):
    """``.env`` can't be written. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        names: the settings whose lines are new, changed or gone.
        backup: a copy of the file as it was; ``None`` if no line of it was changed or taken out.
    """

    names: tuple[str, ...]
    backup: Path | None = None


def env_line(name: str, value: str) -> str:
    """The line for a setting, with quotes if the value needs them.

    Raises:
        SettingsError: such a value can't be written in ``.env``.
    """
    if "${" in value or any(ord(each) < ord(" ") for each in value):
        raise SettingsError(f"{name}: a value with ${{ or a line break can't be written into .env.")
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{quoted}'"


def changed_env(text: str, changes: Changes) -> str:
    """The text of ``.env`` with these changes.

    A setting without a line gets one after its commented-out example, or at the end.

    Raises:
        SettingsError: a value can't be written.
    """
    lines = {name: env_line(name, value) for name, value in changes.items() if value is not None}
    newline = "\r\n" if "\r\n" in text else "\n"
    pieces: list[str] = []
    placed: set[str] = set()
    examples: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text, newline="")):
        name = (binding.key or "").upper()
        if name not in changes:
            pieces.append(binding.original.string)
            if (example := _example(binding, lines)) is not None:
                examples[example] = len(pieces)
            continue
        line = lines.get(name) if name not in placed else None
        placed.add(name)
        pieces.append(_replaced(binding.original.string, line))
    missing = [name for name in lines if name not in placed]
    for name in sorted((name for name in missing if name in examples), key=lambda name: -examples[name]):
        at = examples[name]
        before = pieces[at - 1]
        pieces.insert(at, f"{'' if before.endswith(newline) else newline}{lines[name]}{newline}")
    changed = "".join(pieces)
    for name in missing:
        if name not in examples:
            changed += f"{newline if changed and not changed.endswith(newline) else ''}{lines[name]}{newline}"
    return changed


def write_env(file: Path, changes: Changes) -> Written:
    """Write the changes into the file, which only its owner can read afterwards. Blocks on the disk.

    The file is replaced in one step: whatever happens, it is as before or complete.

    Raises:
        SettingsError: the file can't be read, a value can't be written, or a quote in the file is not closed.
        EnvWriteError: the file can't be written. It is as before.
    """
    before = read_env_text(file)
    after = changed_env(before, changes)
    _require_only(changes, before, after, file)
    real = file.resolve()
    old, new = _values(before), _values(after)
    names = tuple(name for name in changes if old.get(name) != new.get(name))
    if after == before and real.exists():
        return Written(())
    backup: Path | None = None
    try:
        if _is_read_only(real):
            # Replacing the file would work, but whoever made it read-only did not want that.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if _loses_lines(before, after):
            backup = _back_up(real)
        _replace(real, after)
    except OSError as error:
        if backup is not None:
            with contextlib.suppress(OSError):
                backup.unlink()
        raise EnvWriteError(f"{file} can't be written: {reason(error)}. {_remedy(error, real)}") from error
    return Written(names, backup)


def _is_read_only(file: Path) -> bool:
    """Whether nobody may write to the file, or this user may not. Root may if the permissions let anybody write."""
    return file.exists() and (not file.stat().st_mode & 0o222 or not os.access(file, os.W_OK))


def _remedy(error: OSError, file: Path) -> str:
    if error.errno in FULL_DISK:
        return "Nothing has changed. Make room, then try again."
    with contextlib.suppress(OSError):
        if _is_read_only(file):
            return f"Nothing has changed. Allow it with `chmod u+w {file.name}`, then try again."
    return f"Nothing has changed. Let this user write to the folder {file.parent.name or file.parent}, then try again."


def _example(binding: Binding, lines: Mapping[str, str]) -> str | None:
    """The setting of which this line is the commented-out example, if ``lines`` has a line for this setting."""
    text = binding.original.string.strip()
    found = re.match(r"#[^\S\r\n]?([A-Z_]+)=", text)
    return found[1] if binding.key is None and found and found[1] in lines else None


def _replaced(original: str, line: str | None) -> str:
    """``original`` with ``line`` in place of its setting. ``original`` includes the blank lines before the setting.

    The blank lines and the comment behind the setting stay. If ``line`` is ``None``, only the blank lines stay.
    """
    bare = original.lstrip()
    lead = original[: len(original) - len(bare)]
    if line is None:
        return lead
    body = bare.rstrip("\r\n")
    export = _EXPORT.match(body)
    return f"{lead}{export[0] if export else ''}{line}{_comment(body)}{bare[len(body) :]}"


def _comment(body: str) -> str:
    """The comment behind the value in a line."""
    rest = body.partition("=")[2].lstrip()
    quoted = _QUOTED.match(rest)
    found = _COMMENT.search(rest, quoted.end() if quoted else 0) or (_COMMENT.match(f" {rest}") if not quoted else None)
    return found[0] if found else ""


def _values(text: str) -> dict[str, str | None]:
    return {each.key.upper(): each.value for each in parse_stream(io.StringIO(text, newline="")) if each.key}


def _require_only(changes: Changes, before: str, after: str, file: Path) -> None:
    """Check that the new text makes these changes, and sets all else as before; raises :class:`SettingsError`."""
    taken_out = {name for name, value in changes.items() if value is None}
    wanted = {name: value for name, value in {**_values(before), **changes}.items() if name not in taken_out}
    if _values(after) == wanted:
        return
    broken = [each.original.line for each in parse_stream(io.StringIO(before, newline="")) if each.error]
    where = f"{file}, line {broken[0]}" if broken else str(file)
    raise SettingsError(
        f"{where}: a quote is not closed, so {', '.join(sorted(changes))} would not be set as you want. "
        "Nothing was written: correct this line first."
    )


def _loses_lines(before: str, after: str) -> bool:
    """Whether the text before has a line that the text after lacks."""
    kept = iter(after.splitlines())
    return not all(line in kept for line in before.splitlines())


def _back_up(real: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in _counted():
        backup = real.with_name(f"{real.name}{BACKUP}{stamp}{number}")
        try:
            descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        except FileExistsError:
            continue
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(real.read_bytes())
        except OSError:
            backup.unlink()
            raise
        return backup
    raise AssertionError("there is always another number")


def _counted() -> Iterator[str]:
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def _replace(real: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f"{real.name}.", suffix=".part", dir=real.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        if real.exists():
            # If root writes the file, its owner stays the same. Other users own what they write anyway.
            owner = real.stat()
            with contextlib.suppress(OSError):
                os.chown(part, owner.st_uid, owner.st_gid)
        part.chmod(PRIVATE)
        part.replace(real)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
