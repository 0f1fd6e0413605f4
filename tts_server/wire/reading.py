"""Text off the wire to messages. Everything here may come from a stranger."""

from __future__ import annotations

import json
from typing import Any

from tts_server.wire.messages import (
    ENGINE_CHANGES,
    ERROR_CODES,
    MAX_MESSAGE_BYTES,
    NUMBERS,
    Cancel,
    Cancelled,
    ClientMessage,
    EngineChanged,
    Failure,
    Flushed,
    Loading,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Speak,
    SpeechParameters,
    Warned,
    WireError,
)

_STRINGS = ("voice", "preset", "language")


def _object(raw: str | bytes) -> dict[str, Any]:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise WireError("bad_message", f"a message may have {MAX_MESSAGE_BYTES} bytes, this one has {len(raw)}")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError("bad_message", f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError("bad_message", "a message must be a JSON object")
    return message


def _number(message: dict[str, Any], name: str, reply: str | None) -> float | None:
    value = message.get(name)
    if value is None:
        return None
    low, high = NUMBERS[name]
    # `not (low <= value)` and not `value < low`: NaN, which JSON parsers let through, must fail too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high):
        raise WireError("bad_parameter", f'"{name}" is a number from {low:g} to {high:g}, not {value!r}', reply)
    return value


def _whole(message: dict[str, Any], name: str, reply: str | None) -> int | None:
    value = _number(message, name, reply)
    return None if value is None else int(value)


def _flag(message: dict[str, Any], name: str, default: bool, reply: str | None) -> bool:
    value = message.get(name, default)
    if not isinstance(value, bool):
        raise WireError("bad_parameter", f'"{name}" is true or false, not {value!r}', reply)
    return value


def parse_client(raw: str | bytes) -> ClientMessage:
    """Read what a client sent; unknown fields are ignored.

    Raises:
        WireError: it is not a message of this protocol, or a parameter is out of range.
    """
    message = _object(raw)
    reply = message.get("reply")
    if reply is not None and not isinstance(reply, str):
        raise WireError("bad_parameter", f'"reply" is a string, not {reply!r}')
    if _flag(message, "cancel", False, reply):
        return Cancel(reply)
    flush = _flag(message, "flush", False, reply)
    token = message.get("token")
    if not message.keys() & {"token", "flush", "cancel"}:
        raise WireError("bad_message", 'a message must have "token", "flush" or "cancel"', reply)
    if token is not None and not isinstance(token, str):
        raise WireError("bad_parameter", f'"token" is a string, not {token!r}', reply)
    return Speak(token or "", flush, reply, _parameters(message, reply))


def _parameters(message: dict[str, Any], reply: str | None) -> SpeechParameters:
    strings: dict[str, str | None] = {}
    for name in _STRINGS:
        value = message.get(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 200):
            raise WireError("bad_parameter", f'"{name}" is a string of 1 to 200 characters', reply)
        strings[name] = value
    pitch_shift = _number(message, "pitch_shift", reply)
    return SpeechParameters(
        voice=strings["voice"],
        preset=strings["preset"],
        language=strings["language"],
        pitch_shift=0.0 if pitch_shift is None else pitch_shift,
        speed=_number(message, "speed", reply),
        temperature=_number(message, "temperature", reply),
        repetition_penalty=_number(message, "repetition_penalty", reply),
        top_k=_whole(message, "top_k", reply),
        top_p=_number(message, "top_p", reply),
        gpt_cond_len=_whole(message, "gpt_cond_len", reply),
        gpt_cond_chunk_len=_whole(message, "gpt_cond_chunk_len", reply),
        preprocess_text=_flag(message, "preprocess_text", True, reply),
    )


def parse_server(raw: str | bytes) -> ServerMessage:
    """Read what a server sent.

    Raises:
        WireError: it is not a message of this protocol.
    """
    message = _object(raw)
    reply = message.get("reply")
    if reply is not None and not isinstance(reply, str):
        raise WireError("bad_message", f'"reply" is a string, not {reply!r}')
    try:
        if "error" in message:
            code = message.get("code")
            return Failure(str(message["error"]), code if code in ERROR_CODES else "engine_failed", reply)
        match message.get("event"):
            case "start":
                return SegmentStart(int(message["segment"]), str(message["text"]), reply)
            case "end":
                return SegmentEnd(int(message["segment"]), int(message["samples"]), reply)
            case "flushed":
                first = message.get("first_chunk_ms")
                return Flushed(None if first is None else float(first), float(message["audio_ms"]), reply)
            case "cancelled":
                return Cancelled(reply)
            case "loading":
                return Loading(str(message["engine"]), min(max(float(message["progress"]), 0.0), 1.0))
            case "engine":
                reason = message.get("reason")
                detail = str(message.get("detail", ""))
                return EngineChanged(str(message["engine"]), reason if reason in ENGINE_CHANGES else "failed", detail)
            case "warning":
                return Warned(str(message["text"]))
            case other:
                raise WireError("bad_message", f"unknown event {other!r}", reply)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, WireError):
            raise
        raise WireError("bad_message", f"malformed event: {error!r}", reply) from None
