"""Messages of ``/ws/stream``, and how each is read and written.

A new server message needs only a subclass of :class:`ServerMessage`. A new client message needs a class and its
name in :data:`ClientMessage`; mypy then finds the code that has to handle it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self, get_args

from typing_extensions import override

from wire.fields import ERROR_CODES, ErrorCode, Fields, WireError, finite_number
from wire.parameters import SpeechParameters

SAMPLE_RATE = 48_000
"""Sample rate of all sound, in Hz."""
MAX_CHARACTERS = 4_000
"""Maximum number of characters of text in one message. A message with this many stays below the speech
server's limit of bytes, whatever the characters are."""


def _json(fields: dict[str, Any]) -> str:
    """The fields as JSON, without those that say nothing. In ASCII, since UTF-8 can't encode half a surrogate pair."""
    left_out = {"reply": None, "costs_money": False}
    return json.dumps(
        {name: value for name, value in fields.items() if name not in left_out or value != left_out[name]}
    )


@dataclass(frozen=True, slots=True)
class Speak:
    """From the client: a token of a reply, the end of the reply (``flush``), or both."""

    token: str = ""
    flush: bool = False
    reply: str | None = None
    parameters: SpeechParameters = field(default_factory=SpeechParameters)

    @classmethod
    def in_pieces(
        cls, text: str, *, flush: bool, reply: str | None, parameters: SpeechParameters | None = None
    ) -> Iterator[Self]:
        """The messages that send a text of any length. If ``flush`` is true, the last one ends the reply."""
        for start in range(0, len(text), MAX_CHARACTERS):
            last = start + MAX_CHARACTERS >= len(text)
            yield cls(text[start : start + MAX_CHARACTERS], flush and last, reply, parameters or SpeechParameters())

    @classmethod
    def _read(cls, fields: Fields) -> Self | None:
        if not fields.keys() & {"token", "flush", "cancel"}:
            return None
        flush = fields.flag("flush")
        return cls(fields.text("token") or "", flush, fields.reply, SpeechParameters.read(fields))

    def to_json(self) -> str:
        """The message as JSON. Parameters with default values are left out."""
        token = {"token": self.token} if self.token else {}
        flush = {"flush": self.flush} if self.flush or not self.token else {}
        return _json({**token, **flush, **self.parameters.write(), "reply": self.reply})


@dataclass(frozen=True, slots=True)
class Cancel:
    """From the client: drop everything of this connection that has not been sent yet.

    ``reply`` changes nothing of that. It comes back in the answer (:class:`Cancelled`), and further tokens of it are
    ignored until another reply begins.
    """

    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self | None:
        return cls(fields.reply) if fields.flag("cancel") else None

    def to_json(self) -> str:
        """The message as JSON."""
        return _json({"cancel": True, "reply": self.reply})


ClientMessage = Cancel | Speak
"""All client messages, in the order in which they are tried when a message is parsed."""


def parse_client(raw: str | bytes) -> ClientMessage:
    """Parse a client's message. Unknown fields are ignored.

    Raises:
        WireError: the message is not valid, or a parameter is out of range.
    """
    fields = Fields.parse(raw, wrong_reply="bad_parameter")
    kinds: tuple[type[ClientMessage], ...] = get_args(ClientMessage)
    try:
        for kind in kinds:
            if (message := kind._read(fields)) is not None:
                return message
    except RecursionError as error:
        # A deeply nested value may be parsed, and yet be too deep for the repr in the error message.
        raise WireError("bad_message", f"not JSON: {error}", fields.reply) from None
    raise WireError("bad_message", 'a message must have "token", "flush" or "cancel"', fields.reply)


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """A message from the server. A subclass defines its event's name, its fields, and how it is read."""

    event: ClassVar[str] = ""
    by_event: ClassVar[dict[str, type[ServerMessage]]] = {}

    def __init_subclass__(cls) -> None:
        # A dataclass with slots is created twice; the second class replaces the first.
        if cls.event:
            ServerMessage.by_event[cls.event] = cls

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        """Read the message. For an invalid field, it may raise any exception that :func:`parse_server` catches."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The message as JSON."""
        return _json({"event": self.event, **asdict(self)})


@dataclass(frozen=True, slots=True)
class SegmentStart(ServerMessage):
    """The sound that follows speaks ``text``, which is the reply's segment number ``segment`` (from 0).

    ``costs_money`` says whether an engine that probably costs money was asked for it. If not, the JSON has no such
    field.
    """

    event = "start"
    segment: int
    text: str
    reply: str | None = None
    costs_money: bool = False

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(int(fields["segment"]), str(fields["text"]), fields.reply, fields.get("costs_money") is True)


@dataclass(frozen=True, slots=True)
class SegmentEnd(ServerMessage):
    """The segment is complete. It had ``samples`` samples at 48,000 Hz.

    ``costs_money`` says whether an engine that probably costs money has spoken it. If not, the JSON has no such field.
    """

    event = "end"
    segment: int
    samples: int
    reply: str | None = None
    costs_money: bool = False

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        paid = fields.get("costs_money") is True
        return cls(int(fields["segment"]), int(fields["samples"]), fields.reply, paid)


@dataclass(frozen=True, slots=True)
class Flushed(ServerMessage):
    """The reply is complete.

    Attributes:
        first_chunk_ms: milliseconds from the first complete segment to the reply's first sound; ``None`` without sound.
        audio_ms: length of the reply's sound, in milliseconds.
    """

    event = "flushed"
    first_chunk_ms: float | None
    audio_ms: float
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        first = fields.get("first_chunk_ms")
        return cls(None if first is None else finite_number(first), finite_number(fields["audio_ms"]), fields.reply)


@dataclass(frozen=True, slots=True)
class Cancelled(ServerMessage):
    """Answers :class:`Cancel`. No more sound of any cancelled reply follows."""

    event = "cancelled"
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(fields.reply)


@dataclass(frozen=True, slots=True)
class Failure(ServerMessage):
    """An error; the connection stays open. It has no event name and is recognized by its "error" field."""

    error: str
    code: ErrorCode
    reply: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        code = fields.get("code")
        return cls(str(fields["error"]), code if code in ERROR_CODES else "engine_failed", fields.reply)

    @override
    def to_json(self) -> str:
        return _json(asdict(self))


@dataclass(frozen=True, slots=True)
class Notice(ServerMessage):
    """A message for clients that connect with ``?notices=true``. Their first notice is an :class:`EngineChanged`."""


@dataclass(frozen=True, slots=True)
class Loading(Notice):
    """The engine is being loaded; ``progress`` is 0 to 1."""

    event = "loading"
    engine: str
    progress: float

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(str(fields["engine"]), min(max(finite_number(fields["progress"]), 0.0), 1.0))


EngineChange = Literal["ready", "loading", "too_slow", "out_of_memory", "failed", "asked"]
"""Why another engine speaks now; ``ready`` if the preferred engine speaks."""
ENGINE_CHANGES: tuple[EngineChange, ...] = get_args(EngineChange)


@dataclass(frozen=True, slots=True)
class EngineChanged(Notice):
    """``engine`` speaks from now on; ``reason`` says why.

    ``detail`` is the error in words for people, if there was one.
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
    """A warning for the operator, in words for people."""

    event = "warning"
    text: str

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        return cls(str(fields["text"]))


def parse_server(raw: str | bytes) -> ServerMessage:
    """Parse a server's message.

    Raises:
        GarbledError: the message is not JSON.
        WireError: the message is not valid.
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
