"""Call events as JSON lines, so that another process can watch a call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, TextIO

from bot.llm.surrogates import mended
from bot.voice.events import (
    AnswerHeard,
    CallBegan,
    CallEnded,
    CallEvent,
    PromptTaken,
    RemarkHeard,
    ReplyEnded,
    Told,
    WordsSpoken,
)
from bot.voice.metrics import TurnTrace
from bot.voice.turn import Outcome

_TYPES: Mapping[str, type[Any]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (RemarkHeard, PromptTaken, WordsSpoken, AnswerHeard, ReplyEnded, Told, CallBegan, CallEnded)
    }
)


def encode_event(event: CallEvent) -> str:
    """Write one event as one line, without its end."""
    line = json.dumps({"event": type(event).__name__, **asdict(event)}, ensure_ascii=False)
    # Half a character, which a recogniser may have heard, can't be written to a stream.
    return mended(line)


def decode_event(line: str | bytes) -> CallEvent:
    """Read what :func:`encode_event` wrote.

    Raises:
        ValueError: it is something else.
    """
    fields = json.loads(line)
    try:
        kind = _TYPES[fields.pop("event")]
        if kind is ReplyEnded:
            trace = fields["trace"]
            return ReplyEnded(TurnTrace(**{**trace, "outcome": Outcome(trace["outcome"])}))
        event: CallEvent = kind(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a call event: {line!r}") from error
    return event


class EventWriter:
    """A watcher that writes each event to a stream at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: CallEvent) -> None:
        """Write one line."""
        self._stream.write(encode_event(event) + "\n")
        self._stream.flush()
