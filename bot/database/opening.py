"""Opens a database file for a short time with Python's ``sqlite3``, even if the file may be damaged. Blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def decode_text(text: bytes) -> str:
    """Decode text of the database. Invalid UTF-8 becomes U+FFFD, so that a flipped bit does not prevent every start."""
    return text.decode(errors="replace")


@contextmanager
def open_database(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """Open the database at ``path`` in autocommit mode, and close it at the end of the block.

    Args:
        mode: SQLite's open mode: ``ro`` to read, ``rw`` to write, ``rwc`` to create the file if necessary.

    Raises:
        sqlite3.Error: the database can't be used.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with sqlite_errors_only(), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        database.text_factory = decode_text
        yield database


@contextmanager
def sqlite_errors_only() -> Iterator[None]:
    """Turn the UnicodeDecodeError that a damaged database may cause into a :class:`sqlite3.DatabaseError`.

    SQLite quotes a damaged schema in its error message. If the quote is not valid UTF-8, Python raises
    UnicodeDecodeError instead of an error of ``sqlite3``.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        said = " ".join(decode_text(error.object).split())
        damage = sqlite3.DatabaseError(said)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage from error
