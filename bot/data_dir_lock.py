"""A lock for DATA_DIR, so that only one bot uses it. Two bots would answer everybody twice and overwrite data."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger(__name__)

FILE = "seiyuu.lock"
_PRIVATE = 0o600
_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EACCES)


class DataDirInUseError(Exception):
    """Another bot runs with the same DATA_DIR. The text names its process."""


@contextmanager
def data_dir_lock(data_dir: Path) -> Iterator[None]:
    """Hold the lock while the block runs. The kernel releases it even if the process is killed.

    If the file system does not support locks, a warning is logged and there is no lock.

    Raises:
        DataDirInUseError: another bot has the lock.
        OSError: the lock file can't be written.
    """
    file = data_dir / FILE
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                raise DataDirInUseError(_in_use(data_dir, descriptor)) from error
            _log.warning("DATA_DIR=%s can't be locked against a second Seiyuu: %s", data_dir, error.strerror)
        pid = str(os.getpid()).encode()
        try:
            os.pwrite(descriptor, pid, 0)
            os.ftruncate(descriptor, len(pid))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error
        yield
    finally:
        os.close(descriptor)


def _in_use(data_dir: Path, descriptor: int) -> str:
    pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
    process = f"process {pid}" if pid.isdigit() else "another process"
    return (
        f"Another Seiyuu runs with DATA_DIR={data_dir} already ({process}). "
        "End that one first, or choose another DATA_DIR for this one."
    )
