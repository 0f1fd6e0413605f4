"""The standard output of a child process that must not lose a byte."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO


def whole_output() -> BinaryIO:
    """The standard output as a buffered file. Call ``flush`` after each part that the parent process waits for.

    With PYTHONUNBUFFERED, which containers set, ``sys.stdout.buffer`` has no buffer. If the process is stopped while it
    waits for its reader, and goes on later, a file without a buffer writes only a part of the bytes, and reports no
    error. ``docker pause`` stops processes.
    """
    return os.fdopen(sys.stdout.fileno(), "wb", closefd=False)
