"""Brings a backup back: everything is read and checked first, and what was there is put aside, not thrown away."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.backup.contents import (
    DROP_OWN_TABLES,
    PERSONAS,
    VOICES,
    BackupError,
    Note,
    RefusedError,
    Report,
    archived,
    read_note,
)
from bot.data_dir_lock import DataDirInUseError, data_dir_lock
from bot.database.files import OWN_FILE, OWN_FOLDER, files_of_database, free_name, keep, make_durable
from bot.database.integrity import find_damage
from bot.database.schema import APPLICATION_ID, FILE, DatabaseError, bring_up_to_date, read_migrations, version_of
from config.reasons import reason

_MAGIC = b"SQLite format 3\0"
_STAGE = ".restoring"
_PIECE = 1 << 20
_OF_THE_MOMENT = "DELETE FROM call; DELETE FROM chat_waiting;"
"""The call that was on when the backup was made, and the messages that waited for its end, are long over."""
_TABLES_OF_OLD = {"setting", "call", "listening_choice"}
"""What every database has that is older than its own mark."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it.

    ``opted_out`` is how many people had opted out since the backup was made, and stay so. ``voices`` is ``None`` where
    the voices stayed as they were. ``personas_left`` are those of the backup that were not added, each with the reason.
    ``aside`` is where that lies which was there before, if anything was.
    """

    note: Note | None
    opted_out: int
    voices: int | None
    personas: tuple[str, ...]
    personas_left: tuple[str, ...]
    aside: Path | None


def restore(backup: Path, data_dir: Path, folders: Mapping[str, Path], report: Report) -> Restored:
    """Bring back what is in ``backup``, which may also be a plain copy of a database.

    Args:
        folders: where the folders of a backup belong, by name; one that is not named is left out.
        report: told how many bytes more have been read.

    Raises:
        RefusedError: the file can't be used; nothing has changed.
        BackupError: a bot runs with this folder, and nothing has changed; or the disk can't be written to.
    """
    try:
        data_dir.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
        with data_dir_lock(data_dir), _stage_in(data_dir) as stage:
            fresh = stage / FILE
            _check_file(backup, data_dir / FILE)
            _copy(backup, fresh, report)
            note = _check_content(backup, fresh)
            unpacked = _unpack(backup, fresh, stage, note)
            bring_up_to_date(fresh)
            opted_out = _adapt(fresh, data_dir / FILE)
            places = {name: folders[name] for name in unpacked if name in folders}
            return _put_in_place(data_dir, stage, note, opted_out, places)
    except DataDirInUseError as error:
        raise BackupError(f"Nothing was restored, since a bot is running. {error}") from error
    except OSError as error:
        raise BackupError(f"{backup} can't be restored: {reason(error)}.") from error
    except (sqlite3.Error, DatabaseError) as error:
        raise BackupError(f"{backup} can't be restored: {error}") from error


@contextlib.contextmanager
def _stage_in(data_dir: Path) -> Iterator[Path]:
    """A folder for what is being read; what a restoring that was killed has left is thrown away first."""
    stage = data_dir / _STAGE
    if stage.exists():
        shutil.rmtree(stage)
    stage.mkdir(OWN_FOLDER)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _check_file(backup: Path, database: Path) -> None:
    try:
        if database.exists() and backup.samefile(database):
            raise RefusedError(f"{backup} is the database itself, and no backup of it.")
        with backup.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise RefusedError(f"{backup} can't be read: {reason(error)}.") from error
    if begins != _MAGIC:
        raise RefusedError(f"{backup} is no backup of Seiyuu.")


def _copy(backup: Path, fresh: Path, report: Report) -> None:
    # A plain copy of a database may have its log beside it.
    for file, target in zip(files_of_database(backup)[:2], files_of_database(fresh), strict=False):
        if file.exists():
            target.touch(OWN_FILE)
            with file.open("rb") as source, target.open("wb") as copy:
                while piece := source.read(_PIECE):
                    copy.write(piece)
                    report(len(piece))


def _check_content(backup: Path, fresh: Path) -> Note | None:
    if (damage := find_damage(fresh)) is not None:
        raise RefusedError(f"{backup} is damaged ({damage}).")
    with closing(sqlite3.connect(fresh)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        (mark,) = database.execute("PRAGMA application_id").fetchone()
        version, newest = version_of(database), len(read_migrations())
        if mark != APPLICATION_ID and not (mark == version == 0 and tables >= _TABLES_OF_OLD):
            raise RefusedError(f"{backup} is no backup of Seiyuu.")
        if version > newest:
            raise RefusedError(
                f"{backup} was made by a newer Seiyuu (its tables have version {version}, this one knows {newest}). "
                "Update Seiyuu, then restore it."
            )
        return read_note(database)


def _unpack(backup: Path, fresh: Path, stage: Path, note: Note | None) -> tuple[str, ...]:
    """Write the files of the backup into the stage, and leave the database alone; returns which folders there are."""
    unpacked = tuple(name for name in (VOICES, PERSONAS) if note is not None and name in note.folders)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as database:
        for name in unpacked:
            (stage / name).mkdir(OWN_FOLDER)
            try:
                for inside, content in archived(database, name):
                    target = stage / name / inside
                    target.parent.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
                    target.touch(OWN_FILE)
                    target.write_bytes(content)
            except RefusedError as error:
                raise RefusedError(f"{backup} is no backup of Seiyuu: {error}.") from error
        database.execute("PRAGMA journal_mode = DELETE")
        database.executescript(DROP_OWN_TABLES)
    return unpacked


def _adapt(fresh: Path, present: Path) -> int:
    """Take out of it what was true then alone; returns how many people have opted out since, and stay so."""
    people: set[int] = set()
    if present.exists():
        # A damaged one tells nothing.
        with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(present)) as old:
            people = {person for (person,) in old.execute("SELECT person FROM listening_choice WHERE NOT listen")}
    with closing(sqlite3.connect(fresh, isolation_level=None)) as database:
        database.executescript(_OF_THE_MOMENT)
        known = database.execute("SELECT person FROM listening_choice WHERE NOT listen")
        people -= {person for (person,) in known}
        for person in people:
            database.execute("INSERT OR REPLACE INTO listening_choice VALUES (?, 0)", (person,))
            database.execute("DELETE FROM turns WHERE person = ?", (str(person),))
        database.execute("VACUUM")
    return len(people)


def _put_in_place(
    data_dir: Path, stage: Path, note: Note | None, opted_out: int, folders: Mapping[str, Path]
) -> Restored:
    aside = free_name(data_dir, "before-restore")
    voices: int | None = None
    added: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    if VOICES in folders:
        voices = _swap_voices(folders[VOICES], stage / VOICES, aside / VOICES)
    if PERSONAS in folders:
        added, left = _add_personas(folders[PERSONAS], stage / PERSONAS)
    _swap_database(data_dir / FILE, stage / FILE, aside)
    return Restored(note, opted_out, voices, added, left, aside if aside.exists() else None)


def _swap_database(database: Path, fresh: Path, aside: Path) -> None:
    if database.exists():
        aside.mkdir(OWN_FOLDER, exist_ok=True)
        # Its log goes into it, where it is sound enough for that.
        with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for file in files_of_database(database):
            if file.exists():
                keep(file, aside / file.name)
    make_durable(fresh)
    # The old log must be gone before there is another database for it.
    for companion in files_of_database(database)[1:]:
        companion.unlink(missing_ok=True)
    fresh.replace(database)
    make_durable(database.parent)


def _swap_voices(folder: Path, fresh: Path, aside: Path) -> int:
    folder.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
    for voice in sorted(folder.iterdir()):
        if voice.is_dir() and not voice.name.startswith("."):
            aside.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
            shutil.move(voice, aside / voice.name)
    voices = sorted(fresh.iterdir())
    for voice in voices:
        shutil.move(voice, folder / voice.name)
    return len(voices)


def _add_personas(folder: Path, fresh: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Add those that are missing; returns them, and those that could not be added."""
    added, left = [], []
    for file in sorted(fresh.glob("*.yaml")):
        here = folder / file.name
        try:
            if not here.exists():
                shutil.copyfile(file, here)
                added.append(file.stem)
            elif here.read_bytes() != file.read_bytes():
                left.append(f"{file.stem} (another one is here)")
        except OSError as error:
            left.append(f"{file.stem} ({reason(error)})")
    return tuple(added), tuple(left)
