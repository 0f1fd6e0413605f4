"""A file that only one process can hold. The kernel releases it even if the process is killed."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

_PRIVATE = 0o600
_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EACCES)


class HeldByAnotherError(Exception):
    """Another process holds the file. The text names the process: "process 123", or "another process"."""


def hold(file: Path, no_locks: Callable[[str], None]) -> int:
    """Hold a file until the returned descriptor is closed or the process ends. The file gets the process's id.

    Args:
        no_locks: called with the reason if the file can't be locked, as on a file system without locks. Then nothing
            keeps other processes out.

    Raises:
        HeldByAnotherError: another process holds the file.
        OSError: the file can't be written. The error names the file.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                raise HeldByAnotherError(_holder(descriptor)) from error
            no_locks(str(error.strerror))
        pid = str(os.getpid()).encode()
        try:
            os.pwrite(descriptor, pid, 0)
            os.ftruncate(descriptor, len(pid))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
    return f"process {pid}" if pid.isdigit() else "another process"
