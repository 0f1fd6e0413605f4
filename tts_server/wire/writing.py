"""Messages to text for the wire."""

from __future__ import annotations

import json
from typing import Any

from tts_server.wire.messages import (
    Cancel,
    Cancelled,
    ClientMessage,
    EngineChanged,
    Failure,
    Flushed,
    Loading,
    Notice,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    SpeechParameters,
    Warned,
)


def encode_client(message: ClientMessage) -> str:
    """Write a client's message, in ASCII; parameters that are at their default are left out."""
    fields: dict[str, Any] = {}
    if isinstance(message, Cancel):
        fields["cancel"] = True
    else:
        if message.token:
            fields["token"] = message.token
        if message.flush or not message.token:
            fields["flush"] = message.flush
        default = SpeechParameters()
        for name in SpeechParameters.__dataclass_fields__:
            value = getattr(message.parameters, name)
            if value != getattr(default, name):
                fields[name] = value
    if message.reply is not None:
        fields["reply"] = message.reply
    return json.dumps(fields)


def encode_server(message: ServerMessage) -> str:
    """Write a server's message, in ASCII: half a surrogate pair, which a client may send, can't be written in UTF-8."""
    fields: dict[str, Any]
    match message:
        case SegmentStart():
            fields = {"event": "start", "segment": message.segment, "text": message.text}
        case SegmentEnd():
            fields = {"event": "end", "segment": message.segment, "samples": message.samples}
        case Flushed():
            fields = {"event": "flushed", "first_chunk_ms": message.first_chunk_ms, "audio_ms": message.audio_ms}
        case Cancelled():
            fields = {"event": "cancelled"}
        case Failure():
            fields = {"error": message.error, "code": message.code}
        case Loading():
            fields = {"event": "loading", "engine": message.engine, "progress": message.progress}
        case EngineChanged():
            fields = {"event": "engine", "engine": message.engine, "reason": message.reason, "detail": message.detail}
        case Warned():
            fields = {"event": "warning", "text": message.text}
    if not isinstance(message, Notice) and message.reply is not None:
        fields["reply"] = message.reply
    return json.dumps(fields)
