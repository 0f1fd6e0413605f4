"""Every message of ``/ws/stream``: what it is, how it is read and how it is written.

From the server a new message is one subclass of :class:`ServerMessage`, and nothing else. From the client it is one
class and its name in :data:`ClientMessage`; mypy then points at the code that has to handle it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self, get_args

from wire.fields import ERROR_CODES, ErrorCode, Fields, WireError
from wire.parameters import SpeechParameters

SAMPLE_RATE = 48_000


def _json(fields: dict[str, Any]) -> str:
    """JSON without a "reply" that is ``None``; in ASCII, since half a surrogate pair can't be written in UTF-8."""
    return json.dumps({name: value for name, value in fields.items() if name != "reply" or value is not None})


@dataclass(frozen=True, slots=True)
class Speak:
    """From client to server: a token of a reply, the end of a reply, or both at once."""

    token: str = ""
    flush: bool = False
    reply: str | None = None
    parameters: SpeechParameters = field(default_factory=SpeechParameters)

    @classmethod
    def _read(cls, fields: Fields) -> Self | None:
        if not fields.keys() & {"token", "flush", "cancel"}:
            return None
        flush = fields.flag("flush")
        return cls(fields.text("token") or "", flush, fields.reply, SpeechParameters.read(fields))

    def to_json(self) -> str:
        """The message's text; parameters that are at their default are left out."""
        token = {"token": self.token} if self.token else {}
        flush = {"flush": self.flush} if self.flush or not self.token else {}
        return _json({**token, **flush, **self.parameters.write(), "reply": self.reply})


@dataclass(frozen=True, slots=True)
class Cancel:
    """From client to server: drop everything of this connection that is not yet sent."""

    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self | None:
        return cls(fields.reply) if fields.flag("cancel") else None

    def to_json(self) -> str:
        """The message's text."""
        return _json({"cancel": True, "reply": self.reply})


ClientMessage = Cancel | Speak
"""In the order in which a message's fields are tried."""


def parse_client(raw: str | bytes) -> ClientMessage:
    """Read what a client sent; unknown fields are ignored.

    Raises:
        WireError: it is not a message of this protocol, or a parameter is out of range.
    """
    fields = Fields.parse(raw, wrong_reply="bad_parameter")
    kinds: tuple[type[ClientMessage], ...] = get_args(ClientMessage)
    try:
        for kind in kinds:
            if (message := kind._read(fields)) is not None:
                return message
    except RecursionError as error:
        # What was nested just not too deeply to be read may be too deep to be quoted in the refusal.
        raise WireError("bad_message", f"not JSON: {error}", fields.reply) from None
    raise WireError("bad_message", 'a message must have "token", "flush" or "cancel"', fields.reply)


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """From server to client. A subclass has its event's name, its fields, and how it is read."""

    event: ClassVar[str] = ""
    by_event: ClassVar[dict[str, type[ServerMessage]]] = {}

    def __init_subclass__(cls) -> None:
        # A dataclass with slots is made twice; the second one is what everybody sees.
        if cls.event:
            ServerMessage.by_event[cls.event] = cls

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        """The message; a field that is missing or makes no sense may raise what it likes, and is refused."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The message's text."""
        return _json({"event": self.event, **asdict(self)})


@dataclass(frozen=True, slots=True)
class SegmentStart(ServerMessage):
    """The audio that follows speaks ``text``, the reply's segment number ``segment``."""

    event = "start"
    segment: int
    text: str
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(int(fields["segment"]), str(fields["text"]), fields.reply)


@dataclass(frozen=True, slots=True)
class SegmentEnd(ServerMessage):
    """The segment is whole; it had ``samples`` samples at 48,000 Hz."""

    event = "end"
    segment: int
    samples: int
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(int(fields["segment"]), int(fields["samples"]), fields.reply)


@dataclass(frozen=True, slots=True)
class Flushed(ServerMessage):
    """The reply is whole. Times in milliseconds; ``first_chunk_ms`` is ``None`` if silent."""

    event = "flushed"
    first_chunk_ms: float | None
    audio_ms: float
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        first = fields.get("first_chunk_ms")
        return cls(None if first is None else float(first), float(fields["audio_ms"]), fields.reply)


@dataclass(frozen=True, slots=True)
class Cancelled(ServerMessage):
    """Not one sample of the old reply follows."""

    event = "cancelled"
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(fields.reply)


@dataclass(frozen=True, slots=True)
class Failure(ServerMessage):
    """Something went wrong; the connection lives on. No event: it is known by its "error"."""

    error: str
    code: ErrorCode
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        code = fields.get("code")
        return cls(str(fields["error"]), code if code in ERROR_CODES else "engine_failed", fields.reply)

    def to_json(self) -> str:
        """The message's text."""
        return _json(asdict(self))


@dataclass(frozen=True, slots=True)
class Notice(ServerMessage):
    """Sent only to who asked for them, with ``?notices=true`` in the address; an :class:`EngineChanged` comes first."""


@dataclass(frozen=True, slots=True)
class Loading(Notice):
    """The engine is being loaded; ``progress`` is 0 to 1."""

    event = "loading"
    engine: str
    progress: float

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(str(fields["engine"]), min(max(float(fields["progress"]), 0.0), 1.0))


EngineChange = Literal["ready", "loading", "too_slow", "out_of_memory", "failed", "asked"]
ENGINE_CHANGES: tuple[EngineChange, ...] = get_args(EngineChange)


@dataclass(frozen=True, slots=True)
class EngineChanged(Notice):
    """``engine`` speaks from now on, and why: ``ready`` means it is the one wanted.

    ``detail`` is what went wrong, in words for people, where something did.
    """

    event = "engine"
    engine: str
    reason: EngineChange
    detail: str = ""

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        reason = fields.get("reason")
        detail = str(fields.get("detail", ""))
        return cls(str(fields["engine"]), reason if reason in ENGINE_CHANGES else "failed", detail)


@dataclass(frozen=True, slots=True)
class Warned(Notice):
    """Something that whoever runs the server should be told, in words for people."""

    event = "warning"
    text: str

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(str(fields["text"]))


def parse_server(raw: str | bytes) -> ServerMessage:
    """Read what a server sent.

    Raises:
        WireError: it is not a message of this protocol.
    """
    fields = Fields.parse(raw, wrong_reply="bad_message")
    event = fields.get("event")
    kind = Failure if "error" in fields else ServerMessage.by_event.get(event) if isinstance(event, str) else None
    if kind is None:
        raise WireError("bad_message", f"unknown event {event!r}", fields.reply)
    try:
        return kind._read(fields)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WireError("bad_message", f"malformed event: {error!r}", fields.reply) from None
