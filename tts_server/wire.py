"""The messages between the bot and the speech server on ``/ws/stream``: one connection a session, JSON in, audio out.

Audio is float32 little-endian, mono, 48,000 Hz, in binary frames between a segment's ``start`` and its ``end``.
This module is the only one that both sides import. Everything it parses may come from a stranger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

SAMPLE_RATE = 48_000
MAX_MESSAGE_BYTES = 64 * 1024

ErrorCode = Literal["bad_message", "bad_parameter", "unknown_voice", "engine_failed", "overloaded", "too_long"]
ERROR_CODES: tuple[ErrorCode, ...] = (
    "bad_message",
    "bad_parameter",
    "unknown_voice",
    "engine_failed",
    "overloaded",
    "too_long",
)


class WireError(ValueError):
    """A message that can't be understood; ``code`` is what the other side is told."""

    def __init__(self, code: ErrorCode, message: str, reply: str | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.reply = reply


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How a reply is to be spoken; read from its first message, and ``None`` means the engine's own choice.

    ``pitch_shift`` is in semitones (-12 to 12), ``speed`` a factor (0.5 to 2.0), ``gpt_cond_len`` and
    ``gpt_cond_chunk_len`` are the seconds of recording, and of each piece of it, that a voice is learnt from.
    """

    voice: str | None = None
    preset: str | None = None
    language: str | None = None
    pitch_shift: float = 0.0
    speed: float | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    gpt_cond_len: int | None = None
    gpt_cond_chunk_len: int | None = None
    preprocess_text: bool = True


@dataclass(frozen=True, slots=True)
class Speak:
    """Client to server: a token of a reply, the end of a reply, or both at once."""

    token: str = ""
    flush: bool = False
    reply: str | None = None
    parameters: SpeechParameters = SpeechParameters()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Client to server: drop everything of this connection that is not yet sent."""

    reply: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """Server to client: the audio that follows speaks ``text``, the reply's segment number ``segment``."""

    segment: int
    text: str
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentEnd:
    """Server to client: the segment is whole; it had ``samples`` samples at 48,000 Hz."""

    segment: int
    samples: int
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Flushed:
    """Server to client: the reply is whole. Times in milliseconds; ``first_chunk_ms`` is ``None`` if silent."""

    first_chunk_ms: float | None
    audio_ms: float
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Server to client: not one sample of the old reply follows."""

    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Server to client: something went wrong; the connection lives on."""

    error: str
    code: ErrorCode
    reply: str | None = None


EngineChange = Literal["ready", "loading", "too_slow", "out_of_memory", "failed", "asked"]
ENGINE_CHANGES: tuple[EngineChange, ...] = (
    "ready",
    "loading",
    "too_slow",
    "out_of_memory",
    "failed",
    "asked",
)


@dataclass(frozen=True, slots=True)
class Loading:
    """Server to client, a notice: the engine is being loaded; ``progress`` is 0 to 1."""

    engine: str
    progress: float


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """Server to client, a notice: ``engine`` speaks from now on, and why: ``ready`` means it is the one wanted.

    ``detail`` is what went wrong, in words for people, where something did.
    """

    engine: str
    reason: EngineChange
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """Server to client, a notice: something that whoever runs the server should be told, in words for people."""

    text: str


Notice = Loading | EngineChanged | Warned
"""Sent only to who asked for them, with ``?notices=true`` in the address; an :class:`EngineChanged` comes first."""

ClientMessage = Speak | Cancel
ServerMessage = SegmentStart | SegmentEnd | Flushed | Cancelled | Failure | Notice

NUMBERS: dict[str, tuple[float, float]] = {
    "pitch_shift": (-12, 12),
    "speed": (0.5, 2.0),
    "temperature": (0.1, 1.0),
    "repetition_penalty": (1.0, 10.0),
    "top_k": (1, 100),
    "top_p": (0.1, 1.0),
    "gpt_cond_len": (6, 30),
    "gpt_cond_chunk_len": (3, 6),
}
"""Each parameter's lowest and highest value; beyond them XTTS stammers or never ends."""

_STRINGS = ("voice", "preset", "language")


def _object(raw: str | bytes) -> dict[str, Any]:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise WireError("bad_message", f"a message may have {MAX_MESSAGE_BYTES} bytes, this one has {len(raw)}")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError("bad_message", f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError("bad_message", "a message is a JSON object")
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
        raise WireError("bad_message", 'a message has "token", "flush" or "cancel"', reply)
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
