"""Messages of the WebSocket ``/ws/chat``, and how each is read and written (docs/api.md).

Every client message is hostile until it is parsed: its size is checked before it is decoded. Unknown fields are
ignored. A new message needs only a subclass of :class:`ClientMessage` or :class:`ServerMessage`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Literal, NoReturn, Self

from audio.pcm import SAMPLE_BYTES
from audio.samples import HEARING_RATE
from bot.text import shorten
from bot.voice.turn import Microphone
from wire.fields import Fields, WireError

LONGEST_SOUND = 32 * HEARING_RATE * SAMPLE_BYTES
"""Largest sound of one message, in bytes: 32 s."""
LONGEST_CHUNK = 4 * -(-LONGEST_SOUND // 3) + 4
"""Largest number of characters of a sound in base64."""
LONGEST_MESSAGE = LONGEST_CHUNK + 1_024
"""Largest number of bytes of a message. The web server closes the socket at a larger one, without decoding it."""
LONGEST_SMALL_MESSAGE = 64 * 1_024
"""Largest number of characters of a message that carries no sound."""
LONGEST_TEXT = 4_000
"""Largest number of characters of a typed text."""
LONGEST_NAME = 200
"""Largest number of characters of a person's name."""
LONGEST_SESSION = 64
"""Largest number of characters of a session's id."""
LONGEST_ERROR = 300
"""Largest number of characters of an error message about a client's message."""
UP_RATE = HEARING_RATE
"""Sample rate of the sound from clients, in Hz."""
DOWN_RATES = (24_000, 48_000)
"""Sample rates of the sound to clients, in Hz.

If a client asks for a rate that is not listed, or for none, the first one is used.
"""
MICROPHONES = (Microphone.OPEN, Microphone.PUSH_TO_TALK)
"""The kinds of microphones that a client can name."""
LONGEST_PLAYED_MS = 86_400_000.0
"""Largest time that :class:`Played` can report, in milliseconds: a day."""

NO_WORDS = "❌ There are no words in that text."

ChatState = Literal["idle", "connecting", "loading", "listening", "thinking", "speaking"]
EndReason = Literal["done", "interrupted", "failed"]


class CloseCode(IntEnum):
    """The codes with which a socket is closed."""

    GOING_AWAY = 1001
    """The bot is switched off."""
    POLICY = 1008
    """A web page from elsewhere, a wrong token, or far too many messages."""
    TOO_BIG = 1009
    TRY_LATER = 1013
    """There are too many sockets, or this one is not read quickly enough."""
    TAKEN_OVER = 4001
    """Another tab has taken over the call."""
    CALL_ELSEWHERE = 4002
    """A call is on elsewhere: on Discord, or in another tab, in which somebody speaks."""
    TOO_FAST = 4003
    """The sound was more than 2 s ahead of the clock."""


class ErrorCode(StrEnum):
    """The codes of errors. The socket stays open unless a close code follows."""

    BAD_MESSAGE = "bad_message"
    """The message is not a JSON object."""
    UNKNOWN_TYPE = "unknown_type"
    BAD_PARAMETER = "bad_parameter"
    """A field is missing, has the wrong type, or is out of range."""
    EMPTY_TEXT = "empty_text"
    """There are no words in a typed text."""
    TOO_LONG = "too_long"
    SLOW_DOWN = "slow_down"
    """Too many messages came in a short time."""
    NO_CALL = "no_call"
    """The message needs a call, and none is on."""
    PERSONA_UNCHANGED = "persona_unchanged"
    """There is no such persona, or the choice could not be saved."""
    BUSY = "busy"
    """Somebody speaks in another tab."""
    CALL_ELSEWHERE = "call_elsewhere"
    """A call on Discord is active."""
    CALL_FAILED = "call_failed"
    """The call could not begin, or it has ended by a fault."""


class MessageError(ValueError):
    """A client message is not valid. The text says why, in at most :data:`LONGEST_ERROR` characters."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(shorten(message, LONGEST_ERROR))
        self.code = code


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message from the client. A subclass defines its type's name, its fields, and how it is read."""

    kind: ClassVar[str] = ""
    by_kind: ClassVar[dict[str, type[ClientMessage]]] = {}

    def __init_subclass__(cls) -> None:
        # A dataclass with slots is created twice; the second class replaces the first.
        if cls.kind:
            ClientMessage.by_kind[cls.kind] = cls

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        """Read the message; raises :class:`MessageError` or :class:`~wire.fields.WireError`."""
        return cls()


@dataclass(frozen=True, slots=True)
class Hello(ClientMessage):
    """What the client wants. A client that never sends this counts as one that knows only ``audio_chunk`` and ``text``.

    Attributes:
        name: the person's name; empty if the client gives none.
        audio: whether the client wants a call with sound. If so, a call begins.
        down: sample rate of the sound to the client, in Hz.
        session: id of the call that the client wants to go on with.
        microphone: how the person's microphone opens and closes; ``None`` if the client doesn't tell it. With
            push-to-talk, the client sends :class:`Talking` before and after its sound.
    """

    kind = "hello"
    name: str = ""
    audio: bool = False
    down: int = DOWN_RATES[0]
    session: str | None = None
    microphone: Microphone | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        audio = fields.get("audio")
        if audio is not None and not isinstance(audio, dict):
            _refuse('"audio" must be an object such as {"up": 16000, "down": 24000}')
        offer = Fields(audio or {})
        if (up := offer.number("up", 1, 1_000_000)) is not None and up != UP_RATE:
            _refuse(f'"up" must be {UP_RATE}: resample your sound to {UP_RATE} Hz')
        down = offer.number("down", 1, 1_000_000)
        name, session = fields.text("name") or "", fields.text("session") or None
        if len(name) > LONGEST_NAME:
            _refuse(f'"name" may have at most {LONGEST_NAME} characters')
        if session is not None and len(session) > LONGEST_SESSION:
            _refuse(f'"session" may have at most {LONGEST_SESSION} characters')
        microphone = fields.text("microphone")
        if microphone is not None and microphone not in MICROPHONES:
            _refuse('"microphone" must be "open" or "push-to-talk"')
        return cls(
            name,
            audio is not None,
            int(down) if down in DOWN_RATES else DOWN_RATES[0],
            session,
            None if microphone is None else Microphone(microphone),
        )


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk(ClientMessage):
    """Sound in base64: 16-bit mono at 16,000 Hz."""

    kind = "audio_chunk"
    sound: bytes = b""

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        written = fields.get("audio")
        if not isinstance(written, str):
            _refuse('"audio" must be a string in base64')
        if len(written) > LONGEST_CHUNK:
            raise MessageError(ErrorCode.TOO_LONG, f'"audio" may have at most {LONGEST_CHUNK} characters')
        try:
            sound = base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError) as error:
            _refuse(f'"audio" is not base64: {error}')
        return cls(checked_sound(sound))


@dataclass(frozen=True, slots=True)
class TextTyped(ClientMessage):
    """A text that the person has typed."""

    kind = "text"
    text: str = ""

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        text = fields.get("text")
        if not isinstance(text, str):
            _refuse('"text" must be a string')
        if len(text) > LONGEST_TEXT:
            raise MessageError(ErrorCode.TOO_LONG, f'"text" may have at most {LONGEST_TEXT} characters')
        if not text.strip():
            raise MessageError(ErrorCode.EMPTY_TEXT, NO_WORDS)
        return cls(text)


@dataclass(frozen=True, slots=True)
class Interrupt(ClientMessage):
    """Fall silent, and drop the texts that wait."""

    kind = "interrupt"


@dataclass(frozen=True, slots=True)
class HangUp(ClientMessage):
    """End the call."""

    kind = "hangup"


@dataclass(frozen=True, slots=True)
class Switch(ClientMessage):
    """A switch with the field ``on``."""

    on: bool = False

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        on = fields.get("on")
        if not isinstance(on, bool):
            _refuse('"on" must be true or false')
        return cls(on)


@dataclass(frozen=True, slots=True)
class Mute(Switch):
    """The person has muted the microphone, or unmuted it. Sound that comes while it is muted is dropped."""

    kind = "mute"


@dataclass(frozen=True, slots=True)
class Talking(Switch):
    """The person has pressed the key of push-to-talk, or released it."""

    kind = "talking"


@dataclass(frozen=True, slots=True)
class Played(ClientMessage):
    """``ms`` milliseconds of a reply's sound have been played."""

    kind = "played"
    reply: str = ""
    ms: float = 0.0

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        reply, ms = fields.name("reply"), fields.number("ms", 0, LONGEST_PLAYED_MS)
        if reply is None or ms is None:
            _refuse('"reply" and "ms" are needed')
        return cls(reply, float(ms))


@dataclass(frozen=True, slots=True)
class ChoosePersona(ClientMessage):
    """The person wants to talk with this persona from now on: one of the ids of :class:`PersonaShown`."""

    kind = "persona"
    persona: str = ""

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        persona = fields.name("persona")
        if persona is None:
            _refuse('"persona" is needed')
        return cls(persona)


def _refuse(message: str) -> NoReturn:
    raise MessageError(ErrorCode.BAD_PARAMETER, message)


def checked_sound(sound: bytes) -> bytes:
    """Return the sound of a message if it is valid: whole samples of 16 bits, and not too many.

    Raises:
        MessageError: the sound is not valid.
    """
    if len(sound) > LONGEST_SOUND:
        raise MessageError(ErrorCode.TOO_LONG, f"a message may have at most {LONGEST_SOUND} bytes of sound")
    if len(sound) % SAMPLE_BYTES:
        _refuse("the sound has half a sample: it must be 16-bit mono")
    return sound


def parse_client(raw: str) -> ClientMessage:
    """Parse a client's message in JSON. Parsing a long message is CPU-bound: call this in a thread.

    Raises:
        MessageError: the message is not valid.
    """
    if len(raw) > LONGEST_MESSAGE:
        raise MessageError(ErrorCode.TOO_LONG, f"a message may have at most {LONGEST_MESSAGE} bytes")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MessageError(ErrorCode.BAD_MESSAGE, f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise MessageError(ErrorCode.BAD_MESSAGE, "a message must be a JSON object")
    name = message.get("type")
    kind = ClientMessage.by_kind.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(ClientMessage.by_kind)
        told = repr(shorten(name, 40)) if isinstance(name, str) else "none"
        raise MessageError(ErrorCode.UNKNOWN_TYPE, f'"type" must be one of {known}; it is {told}')
    if kind is not AudioChunk and len(raw) > LONGEST_SMALL_MESSAGE:
        raise MessageError(ErrorCode.TOO_LONG, f"this message may have at most {LONGEST_SMALL_MESSAGE} characters")
    try:
        return kind._read(Fields(message))
    except WireError as error:
        raise MessageError(ErrorCode.BAD_PARAMETER, str(error)) from None
    except RecursionError:
        # A deeply nested value may be parsed, and yet be too deep for the repr in the error message.
        raise MessageError(ErrorCode.BAD_MESSAGE, "not JSON: nested too deeply") from None


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """A message to the client. A subclass defines its type's name and its fields. Fields of ``None`` are left out."""

    kind: ClassVar[str] = ""

    def to_json(self) -> str:
        """The message as JSON. It is in ASCII, since UTF-8 can't encode half a surrogate pair."""
        fields: dict[str, Any] = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps({"type": self.kind, **fields})


@dataclass(frozen=True, slots=True)
class Ready(ServerMessage):
    """The call is on. ``session`` is its id, ``down`` the sample rate of the sound to the client, in Hz."""

    kind = "ready"
    session: str
    down: int


@dataclass(frozen=True, slots=True)
class Transcription(ServerMessage):
    """What a person says.

    If ``final`` is False, the text of the next message replaces this one. If the next text is empty, this one
    is deleted.

    ``person`` is ``web:NAME``.
    """

    kind = "transcription"
    text: str
    final: bool
    person: str


@dataclass(frozen=True, slots=True)
class LlmToken(ServerMessage):
    """A piece of a reply's text, sent when its sound begins. It is usually longer than a token of the model."""

    kind = "llm_token"
    token: str
    reply: str


@dataclass(frozen=True, slots=True)
class AudioResponse(ServerMessage):
    """The sound of a segment follows in binary messages, or is in ``audio`` in base64.

    Attributes:
        segment: number of the segment in its reply, from 0.
        text: the words of the segment. A segment whose sound is in base64 comes in several messages, and only the first
            of them has the words.
        audio: a piece of the sound, for clients that send their own sound in base64.
    """

    kind = "audio_response"
    reply: str
    segment: int
    text: str
    quality: Literal["fast", "hq"] = "fast"
    audio: str | None = None


@dataclass(frozen=True, slots=True)
class AudioEnd(ServerMessage):
    """A reply is over.

    Attributes:
        heard: the words of the reply that people have heard, as the history holds them. If the reply was interrupted,
            the last words of its :class:`LlmToken` messages may be missing.
    """

    kind = "audio_end"
    reply: str
    reason: EndReason
    heard: str = ""


@dataclass(frozen=True, slots=True)
class State(ServerMessage):
    """What the call does now. ``progress`` of loading is 0 to 1."""

    kind = "state"
    state: ChatState
    progress: float | None = None


@dataclass(frozen=True, slots=True)
class PersonaChoice:
    """A persona that can be chosen: its id, and its name for people."""

    persona: str
    name: str


@dataclass(frozen=True, slots=True)
class PersonaShown(ServerMessage):
    """The persona that speaks: its id and its name; and all personas that can be chosen."""

    kind = "persona"
    persona: str
    name: str
    choices: tuple[PersonaChoice, ...]


@dataclass(frozen=True, slots=True)
class Notice(ServerMessage):
    """A text for people about the call."""

    kind = "notice"
    text: str


@dataclass(frozen=True, slots=True)
class Failure(ServerMessage):
    """An error, in words for people."""

    kind = "error"
    code: ErrorCode
    message: str
