"""Incremental parser of server-sent events (SSE): bytes in, events out."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass

MAX_EVENT_CHARS = 1 << 20
"""Maximum number of characters in one line, or in the data of one event."""

ERROR = "error"
BARE = "bare"
"""Event type of lines without a field name. Some servers write JSON into the stream like this."""

_FIELDS_OF_RECONNECTING = frozenset({"", "id", "retry"})
_LINE_END = re.compile(r"\r\n|\r|\n")
_BYTE_ORDER_MARK = "\ufeff"


class SseOverflowError(ValueError):
    """A line, or the data of one event, is longer than the parser accepts."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event.

    Attributes:
        type: the event's type; "message" if the server named none.
        data: the event's data lines, joined by line feeds.
    """

    type: str
    data: str


class SseParser:
    """An incremental parser according to the HTML standard, section 9.2.6 ("Interpreting an event stream").

    Invalid UTF-8 becomes U+FFFD. The fields ``id`` and ``retry`` are ignored: they are for reconnecting, which makes no
    sense for a reply. In three cases the parser keeps what the standard would drop, because real servers send it:

    - ``error: …`` instead of ``data: …`` becomes an event of the type "error".
    - A line that is a JSON object without a field name becomes an event of the type "bare" at once. Other lines without
      a known field name are collected, and become one "bare" event at the end of the stream.
    - An event without an empty line after it ends at the end of the stream, where it may be incomplete. If it is one
      line with a JSON object, it also ends where the next event begins.

    Args:
        max_event_chars: the largest number of characters in one line, or in the data of one event.
    """

    def __init__(self, max_event_chars: int = MAX_EVENT_CHARS) -> None:
        self._max = max_event_chars
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._at_start = True
        self._after_cr = False
        """Whether the last chunk ended with CR. An LF at the beginning of the next chunk then belongs to that CR."""
        self._partial: list[str] = []
        """Pieces of the incomplete last line."""
        self._partial_chars = 0
        self._type = ""
        self._data: list[str] = []
        """Data lines of the current event."""
        self._data_chars = 0
        self._bare: list[str] = []
        """Lines without a known field name."""
        self._bare_chars = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes, and return the events that are complete now, in order.

        Raises:
            SseOverflowError: a line or an event is longer than ``max_event_chars``. The parser can't be used any more.
        """
        text = self._decode(chunk)
        if not text:
            return []
        *ended, rest = _LINE_END.split(text)
        events = []
        for line in ended:
            event = self._take_line(self._complete(line))
            if event is not None:
                events.append(event)
        self._hold(rest)
        return events

    def finish(self) -> list[SseEvent]:
        """End the stream, and return the remaining events, in order. The parser can't be used any more.

        Raises:
            SseOverflowError: a line or an event is longer than ``max_event_chars``.
        """
        self._hold(self._decoder.decode(b"", final=True))
        last_line = self._complete("")
        events = [self._take_line(last_line) if last_line else None, self._dispatch()]
        if self._bare:
            events.append(SseEvent(BARE, "\n".join(self._bare)))
        return [event for event in events if event is not None]

    def _decode(self, chunk: bytes) -> str:
        text = self._decoder.decode(chunk)
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if self._after_cr and text:
            # The CR at the end of the earlier chunk has ended the line already, so an LF after it ends no other line.
            self._after_cr = False
            text = text.removeprefix("\n")
        if text:
            self._after_cr = text.endswith("\r")
        return text

    def _hold(self, rest: str) -> None:
        self._partial_chars += len(rest)
        if self._partial_chars > self._max:
            raise SseOverflowError(f"a line of more than {self._max} characters")
        if rest:
            self._partial.append(rest)

    def _complete(self, end_of_line: str) -> str:
        self._hold(end_of_line)
        line = "".join(self._partial)
        self._partial.clear()
        self._partial_chars = 0
        return line

    def _take_line(self, line: str) -> SseEvent | None:
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            ready = self._dispatch() if self._is_whole_without_end(value) else None
            self._add_data(value)
            return ready
        if name == "event":
            self._type = value
        elif name == ERROR and colon:
            self._type = ERROR
            self._add_data(value)
        elif name not in _FIELDS_OF_RECONNECTING:
            return self._take_bare(line)
        return None

    def _add_data(self, value: str) -> None:
        self._data_chars += len(value) + 1
        if self._data_chars > self._max:
            raise SseOverflowError(f"an event of more than {self._max} characters")
        self._data.append(value)

    def _is_whole_without_end(self, value: str) -> bool:
        """Whether the data so far is a complete event and ``value`` begins the next, without an empty line between.

        Only an event of one line can be complete like this. If longer ones were tried too, all lines of an event would
        be parsed again at each further line, and a hostile server could stop the event loop for minutes.
        """
        return len(self._data) == 1 and value[:1] in ("{", "[") and _is_json_object(self._data[0])

    def _take_bare(self, line: str) -> SseEvent | None:
        if not self._bare and _is_json_object(line):
            return SseEvent(BARE, line)
        self._bare_chars += len(line) + 1
        if self._bare_chars > self._max:
            raise SseOverflowError(f"a body of more than {self._max} characters")
        self._bare.append(line)
        return None

    def _dispatch(self) -> SseEvent | None:
        event = SseEvent(self._type or "message", "\n".join(self._data)) if self._data else None
        self._type = ""
        self._data.clear()
        self._data_chars = 0
        return event


def _is_json_object(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
