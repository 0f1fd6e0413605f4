"""A database opened for a moment, off the event loop, whatever may have become of its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def readable(text: bytes) -> str:
    """Text of a database, with U+FFFD for what is no UTF-8: a flipped bit costs one letter, not every start."""
    return text.decode(errors="replace")


@contextmanager
def opened(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """The database at ``path``, committing by itself, and closed on leaving.

    Args:
        mode: SQLite's: ``ro``, ``rw``, or ``rwc`` for one that may have to be made.

    Raises:
        sqlite3.Error: it can't be used.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with whole_errors(), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        database.text_factory = readable
        yield database


@contextmanager
def whole_errors() -> Iterator[None]:
    """Have only :class:`sqlite3.Error` come out of the block.

    SQLite quotes a damaged schema in its message, and where that is no UTF-8, Python raises another exception.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        said = " ".join(readable(error.object).split())
        damage = sqlite3.DatabaseError(said)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage from error
