"""A lock for DATA_DIR, so that only one bot uses it. Two bots would answer everybody twice and overwrite data."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bot.process_lock import HeldByAnotherError, hold

_log = logging.getLogger(__name__)

FILE = "seiyuu.lock"


class DataDirInUseError(Exception):
    """Another bot runs with the same DATA_DIR. The text names its process."""


@contextmanager
def data_dir_lock(data_dir: Path, advice: str = "End that one first.") -> Iterator[None]:
    """Hold the lock while the block runs. The kernel releases it even if the process is killed.

    If the file system does not support locks, a warning is logged and there is no lock.

    Args:
        advice: what people can do if another bot has the lock. It ends the text of the error.

    Raises:
        DataDirInUseError: another bot has the lock.
        OSError: the lock file can't be written.
    """
    no_locks = partial(_log.warning, "DATA_DIR=%s can't be locked against a second Seiyuu: %s", data_dir)
    try:
        descriptor = hold(data_dir / FILE, no_locks)
    except HeldByAnotherError as error:
        raise DataDirInUseError(f"Another Seiyuu runs with DATA_DIR={data_dir} already ({error}). {advice}") from error
    try:
        yield
    finally:
        os.close(descriptor)
