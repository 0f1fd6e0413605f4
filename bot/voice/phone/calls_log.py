"""The log of phone calls: a file of bounded size with one line of JSON for each phone call, also for refused ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from bot.bounded_lines import BoundedLines
from config.phone_sections import plain_number

_log = logging.getLogger(__name__)

FILE = "calls_log.jsonl"
MAX_BYTES = 1 << 20
"""Largest size of the file. When it is reached, the older half is dropped."""
REFUSALS_PER_MINUTE, REFUSALS_PER_DAY = 30, 1_000
"""Maximum numbers of phone calls without a conversation that are written in a minute and in a day.

Without these limits, their lines would push out those of conversations. A thousand lines take less than a quarter of
the file.
"""
_MINUTE, _DAY = 60.0, 86_400.0


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
        self._lines = BoundedLines(file, max_bytes)
        self._clock = clock
        self._in_minute: deque[float] = deque(maxlen=REFUSALS_PER_MINUTE)
        self._in_day: deque[float] = deque(maxlen=REFUSALS_PER_DAY)
        self._writing: set[asyncio.Task[None]] = set()

    def note_refusal(self, call: LoggedCall) -> None:
        """Write the line of a phone call without a conversation, in the background, unless there are too many."""
        now = self._clock()
        if not _reached(self._in_minute, now - _MINUTE) and not _reached(self._in_day, now - _DAY):
            self._in_minute.append(now)
            self._in_day.append(now)
            self.note(call)

    def note(self, call: LoggedCall) -> None:
        """Write the line of a phone call with a conversation, in the background."""
        task = asyncio.create_task(self._write(call), name="log of phone calls")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def flush(self) -> None:
        """Wait until everything is written."""
        await asyncio.gather(*self._writing)

    async def _write(self, call: LoggedCall) -> None:
        try:
            await self._lines.append(json.dumps(asdict(call)).encode())
        except OSError as error:
            _log.warning("A phone call can't be written into %s: %s", self._file, error.strerror or error)


def _reached(times: deque[float], since: float) -> bool:
    """Whether ``times`` is full, and all of them are later than ``since``."""
    return len(times) == times.maxlen and times[0] > since
