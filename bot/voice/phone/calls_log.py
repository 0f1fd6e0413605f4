"""The log of phone calls: a file of bounded size with one line of JSON for each phone call, also for refused ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from config.phone_sections import plain_number

_log = logging.getLogger(__name__)

FILE = "calls_log.jsonl"
MAX_BYTES = 1 << 20
"""Largest size of the file. When it is reached, the older half of the lines is dropped."""
REFUSALS_PER_MINUTE = 30
"""Refused phone calls that are written in a minute. Further ones are left out, so that a flood drops no other lines."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A line of the log.

    Attributes:
        started: when the phone call came, in ISO 8601 with the time zone.
        ended: when it was over.
        transport: ``twilio`` or ``sip``.
        number_sha256: SHA-256 of the caller's number in hex; empty if the caller withheld it.
        cause: why it ended, or was refused.
    """

    started: str
    ended: str
    transport: str
    number_sha256: str
    cause: str

    @classmethod
    def of(cls, kind: str, number: str, cause: str, started: datetime, ended: datetime) -> LoggedCall:
        """The line for a phone call."""
        plain = plain_number(number)
        digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest() if plain else ""
        began, over = (each.isoformat(timespec="milliseconds") for each in (started, ended))
        return cls(began, over, kind, digest, cause)


class CallsLog:
    """Writes the log. Use it on the event loop. It raises nothing: a call goes on even if the disk is full.

    Args:
        file: the file. Only its owner may read it.
        clock: returns monotonic seconds.
        max_bytes: largest size of the file.
    """

    def __init__(self, file: Path, clock: Callable[[], float], *, max_bytes: int = MAX_BYTES) -> None:
        self._file = file
        self._clock = clock
        self._max_bytes = max_bytes
        self._lock = asyncio.Lock()
        self._refusals: deque[float] = deque(maxlen=REFUSALS_PER_MINUTE)
        self._full = False
        self._writing: set[asyncio.Task[None]] = set()

    def note_refusal(self, call: LoggedCall) -> bool:
        """Write the line of a refused phone call soon. Returns whether it is written, or left out."""
        now = self._clock()
        full = len(self._refusals) == REFUSALS_PER_MINUTE and now - self._refusals[0] < 60
        if full and not self._full:
            _log.warning("Many phone calls are refused: only %d a minute are logged", REFUSALS_PER_MINUTE)
        self._full = full
        if not full:
            self._refusals.append(now)
            self.note(call)
        return not full

    def note(self, call: LoggedCall) -> None:
        """Write the line of a phone call soon."""
        task = asyncio.create_task(self._write(call), name="log of phone calls")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def flush(self) -> None:
        """Wait until everything is written."""
        await asyncio.gather(*self._writing)

    async def _write(self, call: LoggedCall) -> None:
        line = json.dumps(asdict(call)).encode() + b"\n"
        async with self._lock:
            try:
                await asyncio.to_thread(self._append, line)
            except OSError as error:
                _log.warning("A phone call can't be written into %s: %s", self._file, error.strerror or error)

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size + len(line) <= self._max_bytes:
                # A crash or a full disk may have left half a line. The next one must not be a part of it.
                file.seek(max(0, size - 1))
                file.write((b"" if file.read(1) in (b"", b"\n") else b"\n") + line)
                return
            file.seek(0)
            lines = file.read().splitlines(keepends=True)
        self._replace([*lines[len(lines) // 2 :], line])

    def _replace(self, lines: list[bytes]) -> None:
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(each if each.endswith(b"\n") else each + b"\n" for each in lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
