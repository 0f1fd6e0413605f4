"""The messages between the bot and the speech server on ``/ws/stream``: one connection a session, JSON in, audio out.

Audio is float32 little-endian, mono, 48,000 Hz, in binary frames between a segment's ``start`` and its ``end``.
This package is all of the speech server that the bot's calls import.
"""

from tts_server.wire.messages import (
    ENGINE_CHANGES,
    ERROR_CODES,
    MAX_MESSAGE_BYTES,
    NUMBERS,
    SAMPLE_RATE,
    Cancel,
    Cancelled,
    ClientMessage,
    EngineChange,
    EngineChanged,
    ErrorCode,
    Failure,
    Flushed,
    Loading,
    Notice,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Speak,
    SpeechParameters,
    Warned,
    WireError,
)
from tts_server.wire.reading import parse_client, parse_server
from tts_server.wire.writing import encode_client, encode_server

__all__ = [
    "ENGINE_CHANGES",
    "ERROR_CODES",
    "MAX_MESSAGE_BYTES",
    "NUMBERS",
    "SAMPLE_RATE",
    "Cancel",
    "Cancelled",
    "ClientMessage",
    "EngineChange",
    "EngineChanged",
    "ErrorCode",
    "Failure",
    "Flushed",
    "Loading",
    "Notice",
    "SegmentEnd",
    "SegmentStart",
    "ServerMessage",
    "Speak",
    "SpeechParameters",
    "Warned",
    "WireError",
    "encode_client",
    "encode_server",
    "parse_client",
    "parse_server",
]
