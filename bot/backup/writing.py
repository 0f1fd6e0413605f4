"""Makes a backup: a consistent copy by SQLite's own means, also of a database that a bot is writing to."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.backup.contents import OWN_TABLES, BackupError, RefusedError, Report, add_file, files_of, read_note
from bot.database.files import OWN_FILE, make_durable
from bot.database.integrity import find_damage
from bot.database.schema import DatabaseError, read_migrations, refuse_newer, version_of
from config.reasons import reason
from config.version import VERSION

_PAGES_AT_ONCE = 1_000


def size_of(database: Path, folders: Mapping[str, Path]) -> int:
    """How many bytes there are to copy, about."""
    return sum(path.stat().st_size for path in (database, *(path for _, path in files_of(folders))) if path.exists())


def write_backup(database: Path, folders: Mapping[str, Path], target: Path, report: Report) -> None:
    """Write a backup to ``target``, whole or not at all.

    Args:
        folders: what goes into it beside the database, by name.
        report: told of each piece of it.

    Raises:
        RefusedError: ``target`` can't take it.
        BackupError: the database can't be copied, or the disk is full.
    """
    _check_target(database, target)
    part = target.with_name(f".{target.name}.part")
    try:
        _discard(part)
        part.touch(OWN_FILE)
        try:
            _copy(database, part, report)
            _add_files(part, folders, report)
            if (damage := find_damage(part)) is not None:
                raise BackupError(f"The copy came out damaged ({damage}): look at your disk and memory.")
            make_durable(part)
            part.replace(target)
            make_durable(target.parent)
        finally:
            _discard(part)
    except OSError as error:
        raise BackupError(f"{target} can't be written: {reason(error)}.") from error
    except (sqlite3.Error, DatabaseError) as error:
        raise BackupError(f"No backup was made: {error}") from error


def _check_target(database: Path, target: Path) -> None:
    if not database.exists():
        raise BackupError(f"There is nothing to back up: there is no {database}.")
    if target.is_dir():
        raise RefusedError(f"{target} is a folder: name a file in it.")
    if not target.parent.is_dir():
        raise RefusedError(f"There is no folder {target.parent}: make it first.")
    if target.exists() and not _is_backup(target):
        raise RefusedError(f"{target} is there already, and is no backup of Seiyuu: choose another name.")


def _is_backup(path: Path) -> bool:
    """An earlier backup may be overwritten, and nothing else."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return read_note(database) is not None
    except sqlite3.Error:
        return False


def _copy(database: Path, part: Path, report: Report) -> None:
    if (damage := find_damage(database)) is not None:
        raise BackupError(
            f"{database} is damaged ({damage}). The bot's next start keeps it, and saves what can be read of it."
        )
    before = 0

    def copied(_: int, remaining: int, total: int) -> None:
        nonlocal before
        done = (total - remaining) * page_size
        report(done - before)
        before = done

    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        refuse_newer(database, version_of(source), newest=len(read_migrations()))
        (page_size,) = source.execute("PRAGMA page_size").fetchone()
        # One view of it from the first page to the last, whatever a bot writes meanwhile.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=copied)
        source.execute("COMMIT")


def _add_files(part: Path, folders: Mapping[str, Path], report: Report) -> None:
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        # A backup is one file, with nothing beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.executescript(f"BEGIN; {OWN_TABLES}")
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        copy.execute("INSERT INTO backup VALUES (?, ?, ?)", (made_at, VERSION, " ".join(folders)))
        for name, path in files_of(folders):
            # A voice that is deleted at this moment is no loss.
            with contextlib.suppress(FileNotFoundError):
                add_file(copy, name, path)
                report(path.stat().st_size)
        copy.execute("COMMIT")


def _discard(part: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)
