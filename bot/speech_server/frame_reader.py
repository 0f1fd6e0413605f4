"""Reads the frames of the speech server: texts are its messages, and bytes are sound."""

from __future__ import annotations

import logging

import numpy as np

from bot.speech_server.events import SegmentAudio, SpeechEvent
from wire.fields import GarbledError, WireError
from wire.messages import Cancelled, Failure, Flushed, SegmentEnd, SegmentStart, ServerMessage, parse_server

_log = logging.getLogger(__name__)

FLOAT_BYTES = 4


class FrameReader:
    """Converts the frames of one connection to events.

    Invalid messages are dropped, and so is sound outside of a segment. Text that is not even JSON raises GarbledError.
    """

    def __init__(self) -> None:
        self._segment: SegmentStart | None = None

    def read(self, frame: str | bytes) -> SpeechEvent | None:
        """The event of a frame; ``None`` if the frame was dropped."""
        return self._sound(frame) if isinstance(frame, bytes) else self._message(frame)

    def _sound(self, frame: bytes) -> SegmentAudio | None:
        segment = self._segment
        if segment is None or len(frame) % FLOAT_BYTES:
            _log.warning("The speech server sent %d bytes of sound out of place", len(frame))
            return None
        samples = np.frombuffer(frame, "<f4").astype(np.float32, copy=False)
        return SegmentAudio(segment.reply, segment.segment, samples)

    def _message(self, frame: str) -> ServerMessage | None:
        try:
            message = parse_server(frame)
        except GarbledError:
            raise
        except WireError as error:
            _log.warning("The speech server sent something unreadable: %s", error)
            return None
        match message:
            case SegmentStart():
                self._segment = message
            case SegmentEnd() | Cancelled() | Flushed():
                self._segment = None
            case Failure(reply=reply) if self._segment is not None and reply == self._segment.reply:
                self._segment = None
        return message
