"""Writes a backup. The database is copied by SQLite itself, so the copy is consistent even while a bot writes to it."""

from __future__ import annotations

import contextlib
import glob
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bot.backup.contents import (
    BACKUP_TABLES,
    BackupError,
    BackupRefusedError,
    Report,
    add_file,
    archived,
    check_content,
    files_of,
    read_note,
)
from bot.backup.moving import is_half_done
from bot.database.files import make_durable
from bot.database.integrity import find_damage, working_copy
from bot.database.opening import open_database
from bot.database.schema import DatabaseError, read_migrations, refuse_newer, version_of
from config.reasons import reason
from config.version import VERSION

_PAGES_AT_ONCE = 1_000
_PART = ".part"
_DAY = 86_400.0


def backup_size(database: Path, folders: Mapping[str, Path]) -> int:
    """Approximate number of bytes to copy for a backup."""
    return sum(path.stat().st_size for path in (database, *(path for _, path in files_of(folders))) if path.exists())


def write_backup(database: Path, folders: Mapping[str, Path], target: Path, report: Report) -> tuple[str, ...]:
    """Write a backup to ``target``; returns the files that had to be left out, each with the reason.

    The file ``target`` appears only when the backup is complete. Blocks on the disk.

    Args:
        folders: further folders for the backup, by their names in the backup.
        report: called with the number of bytes that were copied since the last call.

    Raises:
        BackupRefusedError: no backup can be written to ``target``.
        BackupError: the database can't be copied, or the disk is full.
    """
    _check_target(database, target)
    try:
        _discard_old(target)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_PART, dir=target.parent)
        os.close(descriptor)
        part = Path(name)
        try:
            with _readable(database, part) as source:
                _copy(source, part, report)
            left_out = _add_files(part, folders, report)
            _read_back(part, folders)
            make_durable(part)
            part.replace(target)
            make_durable(target.parent)
        finally:
            _discard(part)
        return left_out
    except OSError as error:
        raise BackupError(f"{target} can't be written: {reason(error)}.") from error
    except (sqlite3.Error, DatabaseError) as error:
        raise BackupError(f"No backup was made: {error}") from error


def _check_target(database: Path, target: Path) -> None:
    if is_half_done(database.parent):
        raise BackupError(
            "No backup was made, since a restore is running or was broken off. If it was broken off, restore again or "
            "start the bot, then make the backup."
        )
    if not database.exists():
        raise BackupError(f"There is nothing to back up: there is no {database}.")
    if target.is_dir():
        raise BackupRefusedError(f"{target} is a folder: name a file in it.")
    if not target.parent.is_dir():
        raise BackupRefusedError(f"There is no folder {target.parent}: make it first.")
    if target.exists() and not target.is_file():
        raise BackupRefusedError(f"{target} is no file: choose another name.")
    if target.exists() and not _is_backup(target):
        raise BackupRefusedError(f"{target} is there already, and is no backup of Seiyuu: choose another name.")


def _is_backup(path: Path) -> bool:
    """Whether the file is a backup. Only backups may be overwritten."""
    try:
        with open_database(path, "ro") as database:
            return read_note(database) is not None
    except (sqlite3.Error, BackupRefusedError):
        return False


def _copy(database: Path, part: Path, report: Report) -> None:
    if (damage := find_damage(database)) is not None:
        raise BackupError(
            f"{database} is damaged ({damage}). When the bot starts next, it sets this file aside and copies every "
            "readable row into a new one."
        )
    before = 0

    def copied(_: int, remaining: int, total: int) -> None:
        nonlocal before
        done = (total - remaining) * page_size
        report(done - before)
        before = done

    with open_database(database) as source, open_database(part) as copy:
        refuse_newer(database, version_of(source), newest=len(read_migrations()))
        (page_size,) = source.execute("PRAGMA page_size").fetchone()
        # Because of the read transaction, all pages are from the same moment, even if a bot writes during the copy.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=copied)
        source.execute("COMMIT")


@contextlib.contextmanager
def _readable(database: Path, part: Path) -> Iterator[Path]:
    """Yield the path of a database that SQLite can read: on a read-only disk, this is a temporary copy."""
    if os.statvfs(database).f_flag & os.ST_RDONLY:
        with working_copy(database, part.with_name(f"{part.name}-source")) as copy:
            yield copy
    else:
        yield database


def _add_files(part: Path, folders: Mapping[str, Path], report: Report) -> tuple[str, ...]:
    """Add the files to the backup; returns those that had to be left out, each with the reason."""
    left_out = []
    with open_database(part) as copy:
        # A backup must be a single file without a log.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.executescript(f"BEGIN; {BACKUP_TABLES}")
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        copy.execute("INSERT INTO backup VALUES (?, ?, ?)", (made_at, VERSION, " ".join(folders)))
        for name, path in files_of(folders):
            try:
                report(add_file(copy, name, path))
            except FileNotFoundError:
                # The file was deleted while the backup was made, so nothing is missing.
                continue
            except (BackupRefusedError, OSError) as error:
                why = reason(error) if isinstance(error, OSError) else str(error)
                left_out.append(f"{name.encode(errors='backslashreplace').decode()} ({why})")
        copy.execute("COMMIT")
    return tuple(left_out)


def _read_back(part: Path, folders: Mapping[str, Path]) -> None:
    """Read the whole backup in the way that ``restore`` does, to check it."""
    try:
        check_content(part, name=part)
        with open_database(part, "ro") as copy:
            for folder in folders:
                for _ in archived(copy, folder):
                    pass
    except BackupRefusedError as error:
        raise BackupError(f"No backup was made, since it could not be restored: {error}") from error


def _discard_old(target: Path) -> None:
    """Delete partial files that killed backups to ``target`` left. Those younger than a day may still be in use."""
    for part in target.parent.glob(f".{glob.escape(target.name)}.*{_PART}*"):
        with contextlib.suppress(FileNotFoundError):
            if part.stat().st_mtime < time.time() - _DAY:
                part.unlink()


def _discard(part: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)
