"""A lock for CHROMA_DIR. Two processes that write to one folder of ChromaDB would damage each other's index."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from bot.knowledge.index import KnowledgeError

_log = logging.getLogger(__name__)

FILE = "seiyuu.lock"
_PRIVATE = 0o600
_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EACCES)


def lock_folder(folder: Path) -> IO[bytes]:
    """Make the folder, and lock it until the returned file is closed or the process ends. Blocks on the disk.

    If the file system does not support locks, a warning is logged and there is no lock.

    Raises:
        KnowledgeError: another process has the lock.
        OSError: the lock file can't be written.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    file = os.fdopen(os.open(folder / FILE, os.O_RDWR | os.O_CREAT, _PRIVATE), "r+b", buffering=0)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                raise KnowledgeError(_in_use(folder, file)) from error
            _log.warning("CHROMA_DIR=%s can't be locked against a second process: %s", folder, error.strerror)
        file.truncate(0)
        file.write(str(os.getpid()).encode())
    except BaseException:
        file.close()
        raise
    return file


def _in_use(folder: Path, file: IO[bytes]) -> str:
    pid = file.read(20).decode(errors="replace").strip()
    process = f"process {pid}" if pid.isdigit() else "another process"
    return (
        f"CHROMA_DIR={folder} is used by {process}, perhaps the running bot, and ChromaDB is for one process at a time"
    )
