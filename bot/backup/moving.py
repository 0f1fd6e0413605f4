"""Puts many files in place as if they were one: in the end all of them are there, or all is as before.

New files are made in a hidden folder beside their place, so that putting them there is a change of name. The changes
are written into a journal first. Whoever finds them half done undoes them: the same process after an error, the next
``restore``, or the next start of the bot after a process that was killed.
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
from bot.database.files import OWN_FOLDER, make_durable
from config.reasons import reason

STAGE = ".restoring"
"""The hidden folder, in ``DATA_DIR`` and in each folder that gets something."""
_JOURNAL = "journal.json"


class HalfRestoredError(DatabaseError):
    """What a restore has begun can't be undone now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder gets another name on the same disk."""

    source: Path
    target: Path


def make_stage(data_dir: Path, folders: Iterable[Path]) -> Path:
    """Make the hidden folder of ``data_dir``, and note those that may be made in other folders; returns it."""
    stage = data_dir / STAGE
    stage.mkdir(OWN_FOLDER)
    _note(stage, [folder / STAGE for folder in folders], ())
    return stage


def put_in_place(data_dir: Path, moves: Sequence[Move]) -> None:
    """Carry out all moves. Call :func:`settle` afterwards, whatever happens: it undoes them where this did not return.

    Raises:
        OSError: one of them is not possible.
    """
    stage = data_dir / STAGE
    stages, _ = _noted(stage)
    _note(stage, stages, moves)
    for move in moves:
        if os.path.lexists(move.target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(move.target))
        move.source.rename(move.target)
    _make_names_durable(moves)
    _note(stage, stages, ())


def settle(data_dir: Path) -> bool:
    """Undo what is half done, and take the hidden folders away; returns whether there was anything to undo.

    Only for who holds the lock of ``data_dir``.

    Raises:
        HalfRestoredError: it can't be undone now.
    """
    stage = data_dir / STAGE
    if not stage.is_dir():
        return False
    try:
        stages, moves = _noted(stage)
        for move in reversed(moves):
            if os.path.lexists(move.target) and not os.path.lexists(move.source):
                move.target.rename(move.source)
        if moves:
            _make_names_durable(moves)
            _note(stage, stages, ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HalfRestoredError(
            f"A restore was broken off half-way, and it can't be undone: {reason(error)}. Nothing is lost: what was "
            f"there lies in {data_dir}/before-restore-… and in the folders {STAGE}. The next start of the bot and the "
            "next restore try it again."
        ) from error
    for folder in (*stages, stage):
        shutil.rmtree(folder, ignore_errors=True)
    return bool(moves)


def is_half_done(data_dir: Path) -> bool:
    """Whether a restore is changing names at this moment, or was broken off in that."""
    try:
        _, moves = _noted(data_dir / STAGE)
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return bool(moves)


def _note(stage: Path, stages: Sequence[Path], moves: Sequence[Move]) -> None:
    data_dir = stage.parent.absolute()

    def name(path: Path) -> str:
        # DATA_DIR may have another path at the next start, in a container for example.
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


def _noted(stage: Path) -> tuple[list[Path], list[Move]]:
    try:
        content = json.loads((stage / _JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Nothing has begun; an older version wrote none.
        return [], []
    data_dir = stage.parent
    stages = [data_dir / each for each in content["stages"]]
    moves = [Move(data_dir / source, data_dir / target) for source, target in content["moves"]]
    return [each for each in stages if each.name == STAGE], moves


def _make_names_durable(moves: Sequence[Move]) -> None:
    for folder in sorted({each.parent for move in moves for each in (move.source, move.target)}):
        if folder.is_dir():
            make_durable(folder)
