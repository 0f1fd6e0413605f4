"""A lock for CHROMA_DIR. Two processes that write to one folder of ChromaDB would damage each other's index."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import IO

from bot.knowledge.index import KnowledgeError
from bot.process_lock import HeldByAnotherError, hold

_log = logging.getLogger(__name__)

FILE = "seiyuu.lock"


def lock_folder(folder: Path) -> IO[bytes]:
    """Make the folder, and lock it until the returned file is closed or the process ends. Blocks on the disk.

    If the file system does not support locks, a warning is logged and there is no lock.

    Raises:
        KnowledgeError: another process has the lock.
        OSError: the lock file can't be written.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    no_locks = partial(_log.warning, "CHROMA_DIR=%s can't be locked against a second process: %s", folder)
    try:
        return os.fdopen(hold(folder / FILE, no_locks), "r+b", buffering=0)
    except HeldByAnotherError as error:
        raise KnowledgeError(
            f"CHROMA_DIR={folder} is used by {error}, perhaps the running bot, "
            "and ChromaDB is for one process at a time"
        ) from error
