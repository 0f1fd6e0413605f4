"""Reads the frames of the speech server: texts are its messages, and bytes are sound."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.text import one_line
from wire.fields import MAX_NAME, GarbledError, WireError
from wire.messages import (
    Cancelled,
    EngineChanged,
    Failure,
    Flushed,
    Loading,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Warned,
    parse_server,
)

_log = logging.getLogger(__name__)

FLOAT_BYTES = 4
MAX_WORDS = 300
"""Maximum number of characters of the server's own words, such as an error. People and the log get no more of them."""
OUT_OF_PLACE = "The speech server sent %s bytes of sound out of place; more of it is not logged"
UNREADABLE = "The speech server sent something unreadable; more of it is not logged: %s"


class FrameReader:
    """Converts the frames of one connection to events.

    Invalid messages and sound outside of a segment are dropped. The first of each kind is logged. Text
    that is not even JSON raises GarbledError. The server's own words become one short line.
    """

    def __init__(self) -> None:
        self._segment: SegmentStart | None = None
        self._warned = set[str]()

    def read(self, frame: str | bytes) -> SpeechEvent | None:
        """The event of a frame; ``None`` if the frame was dropped."""
        return self._sound(frame) if isinstance(frame, bytes) else self._message(frame)

    def _sound(self, frame: bytes) -> SegmentAudio | None:
        segment = self._segment
        if segment is None or len(frame) % FLOAT_BYTES:
            self._warn(OUT_OF_PLACE, str(len(frame)))
            return None
        if not frame:
            return None
        samples = np.frombuffer(frame, "<f4").astype(np.float32, copy=False)
        return SegmentAudio(segment.reply, segment.segment, samples)

    def _message(self, frame: str) -> ServerMessage | None:
        try:
            message = parse_server(frame)
        except GarbledError:
            raise
        except WireError as error:
            self._warn(UNREADABLE, one_line(str(error), MAX_WORDS))
            return None
        match message:
            case SegmentStart():
                self._segment = message
            case SegmentEnd() | Cancelled() | Flushed():
                self._segment = None
            case Failure(reply=reply) if self._segment is not None and reply == self._segment.reply:
                self._segment = None
        return _in_short(message)

    def _warn(self, text: str, about: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            _log.warning(text, about)


def _in_short(message: ServerMessage) -> ServerMessage:
    """The message with the server's own words on one short line."""
    match message:
        case Failure(error=error):
            return replace(message, error=one_line(error, MAX_WORDS))
        case Warned(text):
            return replace(message, text=one_line(text, MAX_WORDS))
        case EngineChanged(engine=engine, detail=detail):
            return replace(message, engine=one_line(engine, MAX_NAME), detail=one_line(detail, MAX_WORDS))
        case Loading(engine=engine):
            return replace(message, engine=one_line(engine, MAX_NAME))
        case _:
            return message
