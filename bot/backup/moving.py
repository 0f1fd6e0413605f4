"""Moves many files in one transaction: at the end either all of them are in place, or everything is as before.

New files are created in a hidden folder on the same disk, so that each move only renames a file. The moves are written
to a journal first. Interrupted moves are undone. After an error, the same process does that. After a kill, the next
``restore`` or the next start of the bot does it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.database import DatabaseError
from bot.database.files import PRIVATE_FOLDER_MODE, make_durable
from config.reasons import reason

STAGE = ".restoring"
"""Name of the hidden folder, in ``DATA_DIR`` and in each folder that gets new files."""
_JOURNAL = "journal.json"


class HalfRestoredError(DatabaseError):
    """An interrupted restore can't be undone now. The message says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder that is to be renamed from ``source`` to ``target``, on the same disk."""

    source: Path
    target: Path


def make_stage(data_dir: Path, folders: Iterable[Path]) -> Path:
    """Create the hidden folder in ``data_dir``, and return it.

    Hidden folders that may be created in ``folders`` are noted in the journal, so that they are deleted later.
    """
    stage = data_dir / STAGE
    stage.mkdir(PRIVATE_FOLDER_MODE)
    _write_journal(stage, [folder / STAGE for folder in folders], ())
    return stage


def carry_out(data_dir: Path, moves: Sequence[Move]) -> None:
    """Carry out all moves.

    Always call :func:`undo_and_clean_up` afterwards; that function undoes the moves if this one has failed.

    Raises:
        OSError: one of the moves is not possible.
    """
    stage = data_dir / STAGE
    stages, _ = _read_journal(stage)
    _write_journal(stage, stages, moves)
    for move in moves:
        if os.path.lexists(move.target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(move.target))
        move.source.rename(move.target)
    _make_names_durable(moves)
    _write_journal(stage, stages, ())


def undo_and_clean_up(data_dir: Path) -> bool:
    """Undo interrupted moves, and delete the hidden folders; returns whether there were moves to undo.

    The caller must hold the lock of ``data_dir``.

    Raises:
        HalfRestoredError: the moves can't be undone now.
    """
    stage = data_dir / STAGE
    if not stage.is_dir():
        return False
    try:
        stages, moves = _read_journal(stage)
        for move in reversed(moves):
            if os.path.lexists(move.target) and not os.path.lexists(move.source):
                move.target.rename(move.source)
        if moves:
            _make_names_durable(moves)
            _write_journal(stage, stages, ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HalfRestoredError(
            f"A restore was broken off half-way, and it can't be undone: {reason(error)}. Nothing is lost: what was "
            f"there lies in {data_dir}/before-restore-… and in the folders {STAGE}. The next start of the bot and the "
            "next restore try again to undo it."
        ) from error
    for folder in (*stages, stage):
        shutil.rmtree(folder, ignore_errors=True)
    return bool(moves)


def is_half_done(data_dir: Path) -> bool:
    """Whether a restore is moving files at this moment, or was interrupted while it was moving them."""
    try:
        _, moves = _read_journal(data_dir / STAGE)
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return bool(moves)


def _write_journal(stage: Path, stages: Sequence[Path], moves: Sequence[Move]) -> None:
    data_dir = stage.parent.absolute()

    def name(path: Path) -> str:
        # Paths are stored relative to DATA_DIR, which may have another path at the next start, as in a container.
        path = path.absolute()
        return str(path.relative_to(data_dir) if path.is_relative_to(data_dir) else path)

    content = {
        "stages": [name(each) for each in stages],
        "moves": [[name(move.source), name(move.target)] for move in moves],
    }
    journal = stage / _JOURNAL
    fresh = journal.with_suffix(".new")
    fresh.write_text(json.dumps(content), encoding="utf-8")
    make_durable(fresh)
    fresh.replace(journal)
    if moves:
        make_durable(stage)


def _read_journal(stage: Path) -> tuple[list[Path], list[Move]]:
    try:
        content = json.loads((stage / _JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Without a journal, no move has begun. (Older versions wrote the journal only when the moves began.)
        return [], []
    data_dir = stage.parent
    stages = [data_dir / each for each in content["stages"]]
    moves = [Move(data_dir / source, data_dir / target) for source, target in content["moves"]]
    return [each for each in stages if each.name == STAGE], moves


def _make_names_durable(moves: Sequence[Move]) -> None:
    for folder in sorted({each.parent for move in moves for each in (move.source, move.target)}):
        if folder.is_dir():
            make_durable(folder)
