"""The trace file: one JSON object with timings per reply."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.voice.events import CallEvent, ReplyEnded
from bot.voice.reply_waits import waits_as_json

_log = logging.getLogger(__name__)

MAX_BYTES = 5_000_000
"""If the file has more bytes than this at the start, it gets the ending ``.old``, and a new file is begun."""


class TraceFile:
    """A watcher that appends the trace of each reply to ``traces.jsonl`` in a folder. It creates the folder.

    A trace that can't be written, because the disk is full for example, is lost. That is logged once.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "traces.jsonl"
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(path.with_suffix(".jsonl.old"))
        # Without a buffer, what could not be written is not tried again at the end.
        self._file = path.open("ab", buffering=0)
        self._trouble = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __call__(self, event: CallEvent) -> None:
        """Append the trace of a finished reply. Other events are ignored."""
        if isinstance(event, ReplyEnded):
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            fields = {"at": now, "call": event.call, **event.trace.as_json(), "waited_for": waits_as_json(event.trace)}
            try:
                self._file.write(json.dumps(fields).encode() + b"\n")
                self._trouble = False
            except OSError as error:
                if not self._trouble:
                    _log.warning("The times of replies can't be written to %s: %s", self._file.name, error)
                self._trouble = True
