"""Restores a backup. The backup is read and checked completely first, and the present data is kept in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.backup.contents import (
    DROP_BACKUP_TABLES,
    PERSONAS,
    VOICES,
    BackupError,
    BackupRefusedError,
    Note,
    Report,
    archived,
    check_content,
    is_hidden,
    size_in,
)
from bot.backup.moving import STAGE, HalfRestoredError, Move, carry_out, make_stage, undo_and_clean_up
from bot.conversations.records import ConversationRecords
from bot.data_dir_lock import DataDirInUseError, data_dir_lock
from bot.database import Database
from bot.database.files import (
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    files_of_database,
    free_name,
    link_or_copy,
    make_durable,
)
from bot.database.opening import open_database
from bot.database.schema import FILE, DatabaseError, bring_up_to_date, full_text_tables
from bot.store import Store
from bot.text import size
from config.reasons import reason

_MAGIC = b"SQLite format 3\0"
_NEW, _OLD = "new", "old"
_PIECE = 1 << 20
_TRANSIENT_TABLES = ("call", "chat_waiting")
"""Tables that are emptied: they are about the call that was running when the backup was made, and about the messages
that waited for the end of that call.
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """Result of a restore.

    Attributes:
        note: the note in the backup; ``None`` for a plain copy of a database.
        opted_out: number of people who have opted out since the backup was made. They stay opted out.
        voices: number of restored voices; ``None`` if the voices were not changed.
        personas: names of the personas that were added.
        personas_left: personas of the backup that were not added, each with the reason.
        aside: the folder with the data from before; ``None`` if there was none.
    """

    note: Note | None
    opted_out: int
    voices: int | None
    personas: tuple[str, ...]
    personas_left: tuple[str, ...]
    aside: Path | None


def restore(
    backup: Path, data_dir: Path, folders: Mapping[str, Path], report: Report, hold: Callable[[], None]
) -> Restored:
    """Restore ``backup``, which may also be a plain copy of a database. Blocks on the disk.

    Args:
        folders: where to restore each folder of the backup, by its name in the backup. Other folders are skipped.
        report: called with the number of bytes that were read since the last call.
        hold: called before files are moved. From then on, the caller must not interrupt the restore.

    Raises:
        BackupRefusedError: the file can't be used. Nothing has changed.
        HalfRestoredError: the restore failed, and can't be undone now.
        BackupError: a bot is using the folder, or the disk can't be written. Nothing has changed.
    """
    try:
        _make_folder(data_dir)
        with data_dir_lock(data_dir):
            undo_and_clean_up(data_dir)
            _check_file(backup, data_dir / FILE)
            there = [folder for folder in folders.values() if folder.is_dir()]
            try:
                return _restore(backup, data_dir, folders, report, hold)
            finally:
                hold()
                undo_and_clean_up(data_dir)
                for folder in folders.values():
                    if folder not in there:
                        with contextlib.suppress(OSError):
                            # The folder was created here. If nothing was restored into it, it is empty and removed.
                            folder.rmdir()
    except HalfRestoredError:
        raise
    except DataDirInUseError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(f"{backup} can't be restored: {reason(error)}.") from error
    except sqlite3.Error as error:
        raise BackupError(f"{backup} can't be restored: {error}.") from error
    except DatabaseError as error:
        raise BackupError(f"{backup} can't be restored: {error}") from error


def _restore(
    backup: Path, data_dir: Path, folders: Mapping[str, Path], report: Report, hold: Callable[[], None]
) -> Restored:
    stage = make_stage(data_dir, folders.values())
    fresh = stage / FILE
    _copy(backup, fresh, report)
    note = check_content(fresh, backup)
    named = note.folders if note is not None else ()
    if VOICES in named and VOICES in folders:
        _unpack(backup, fresh, VOICES, folders[VOICES] / STAGE / _NEW)
    if PERSONAS in named and PERSONAS in folders:
        _unpack(backup, fresh, PERSONAS, stage / PERSONAS)
    with open_database(fresh) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.executescript(DROP_BACKUP_TABLES)
    bring_up_to_date(fresh)
    present = data_dir / FILE
    opted_out = asyncio.run(_adapt(fresh, _who(present, _OPTED_OUT), _who(present, _NOT_REMEMBERED)))
    # After this, the database is a single file without a log.
    with open_database(fresh) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        for table in full_text_tables(database):
            database.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
        database.execute("VACUUM")
    make_durable(fresh)

    kept, aside = stage / "aside", free_name(data_dir, "before-restore")
    moves: list[Move] = []
    voices: int | None = None
    if VOICES in named and VOICES in folders:
        voice_moves = _swap_voices(folders[VOICES], kept / VOICES)
        voices = sum(move.target.parent == folders[VOICES] for move in voice_moves)
        moves += voice_moves
    database_moves = _swap_database(data_dir / FILE, fresh, aside)
    moves += database_moves
    if len(database_moves) > 1 or kept.exists():
        kept.mkdir(PRIVATE_FOLDER_MODE, exist_ok=True)
        moves.insert(0, Move(kept, aside))
    added: list[Move] = []
    left: tuple[str, ...] = ()
    if PERSONAS in named and PERSONAS in folders:
        added, left = _add_personas(folders[PERSONAS], stage / PERSONAS)
    hold()
    carry_out(data_dir, [*moves, *added])
    names = tuple(move.target.stem for move in added)
    return Restored(note, opted_out, voices, names, left, aside if aside.exists() else None)


def _make_folder(data_dir: Path) -> None:
    try:
        data_dir.mkdir(PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"DATA_DIR={data_dir} can't be used: {reason(error)}.") from error


def _check_file(backup: Path, database: Path) -> None:
    try:
        if backup.exists() and not (backup.is_file() or backup.is_dir()):
            raise BackupRefusedError(f"{backup} can't be read: it is no file.")
        if database.exists() and backup.samefile(database):
            raise BackupRefusedError(f"{backup} is the database itself, and not a backup of it.")
        with backup.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise BackupRefusedError(f"{backup} can't be read: {reason(error)}.") from error
    if begins != _MAGIC:
        raise BackupRefusedError(f"{backup} is no backup of Seiyuu.")


def _copy(backup: Path, fresh: Path, report: Report) -> None:
    # A plain copy of a database may have a log file beside it.
    for file, target in zip(files_of_database(backup)[:2], files_of_database(fresh), strict=False):
        if file.is_file():
            target.touch(PRIVATE_FILE_MODE)
            with file.open("rb") as source, target.open("wb") as copy:
                while piece := source.read(_PIECE):
                    copy.write(piece)
                    report(len(piece))


def _unpack(backup: Path, fresh: Path, folder: str, target: Path) -> None:
    """Unpack one folder of the backup into ``target``."""
    target.mkdir(PRIVATE_FOLDER_MODE, parents=True)
    with open_database(fresh, "ro") as database:
        try:
            needed, free = size_in(database, folder), shutil.disk_usage(target).free
            if needed > free:
                raise BackupError(
                    f"{backup} can't be restored: it needs {size(needed)} more, and {size(free)} are free."
                )
            for inside, content in archived(database, folder):
                file = target / inside
                file.parent.mkdir(PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
                file.touch(PRIVATE_FILE_MODE)
                file.write_bytes(content)
            for each in (target, *target.rglob("*")):
                make_durable(each)
        except BackupRefusedError as error:
            raise BackupRefusedError(f"{backup} is no backup of Seiyuu: {error}.") from error


_OPTED_OUT = "SELECT person FROM listening_choice WHERE NOT listen"
_NOT_REMEMBERED = "SELECT person FROM memory_choice WHERE keep = 0"


def _who(present: Path, query: str) -> set[int]:
    """The people whom a query finds in the present database.

    If the database is damaged, or so old that it lacks the table, there are none.
    """
    if present.exists():
        with contextlib.suppress(sqlite3.Error), open_database(present) as old:
            return {int(person) for (person,) in old.execute(query)}
    return set()


async def _adapt(fresh: Path, people: set[int], not_remembered: set[int]) -> int:
    """Adapt the restored database to the present: empty the transient tables, and keep later opt-outs.

    Turns of everybody who has opted out are deleted, also of those who did so before the backup: the bot may have been
    killed before it could delete them. Facts about people who now do not want to be remembered (``not_remembered``)
    are deleted too.

    Returns the number of people who have opted out since the backup was made.
    """
    async with Database.opened(fresh) as database:
        for table in _TRANSIENT_TABLES:
            await database.write(f"DELETE FROM {table}")  # noqa: S608
        store, records = Store(database), ConversationRecords(database)
        before = {person for person, listen in (await store.listening_choices()).items() if not listen}
        since = people - before
        for person in since:
            await store.set_listening_choice(person, False)
        for person in before | people:
            await records.forget_person(person)
        for person in not_remembered:
            await database.write_together(
                ("INSERT OR REPLACE INTO memory_choice VALUES (?, 0)", (str(person),)),
                ("DELETE FROM fact WHERE speaker = ?1 OR person = ?1", (str(person),)),
            )
    return len(since)


def _swap_database(database: Path, fresh: Path, aside: Path) -> list[Move]:
    # The log is merged into the database file, unless the database is too damaged for that.
    if database.exists():
        with contextlib.suppress(sqlite3.Error), open_database(database) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = [Move(file, aside / file.name) for file in files_of_database(database) if file.exists()]
    return [*before, Move(fresh, database)]


def _swap_voices(folder: Path, kept: Path) -> list[Move]:
    """Link or copy the present voices to ``kept``; returns the moves that replace them by those of the backup."""
    stage = folder / STAGE
    (stage / _OLD).mkdir(PRIVATE_FOLDER_MODE)
    moves = []
    for voice in sorted(folder.iterdir()):
        if not is_hidden(voice.name):
            kept.mkdir(PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
            _keep_all(voice, kept / voice.name)
            moves.append(Move(voice, stage / _OLD / voice.name))
    return moves + [Move(voice, folder / voice.name) for voice in sorted((stage / _NEW).iterdir())]


def _keep_all(path: Path, kept: Path) -> None:
    if path.is_symlink():
        kept.symlink_to(path.readlink())
    elif path.is_dir():
        kept.mkdir(PRIVATE_FOLDER_MODE)
        for each in sorted(path.iterdir()):
            _keep_all(each, kept / each.name)
    else:
        link_or_copy(path, kept)


def _add_personas(folder: Path, fresh: Path) -> tuple[list[Move], tuple[str, ...]]:
    """Prepare the personas that ``folder`` lacks; returns their moves, and the personas that can't be added."""
    moves, left = [], []
    for file in sorted(fresh.glob("*.yaml")):
        here = folder / file.name
        try:
            if not here.exists():
                ready = folder / STAGE / file.name
                ready.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, ready)
                moves.append(Move(ready, here))
            elif here.read_bytes() != file.read_bytes():
                left.append(f"{file.stem} (another one is here)")
        except OSError as error:
            left.append(f"{file.stem} ({reason(error)})")
    return moves, tuple(left)
