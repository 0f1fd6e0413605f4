"""Messages from the clients of the WebSocket ``/ws/chat``, and how each is read (docs/api.md).

Every message is hostile until it is parsed: its size is checked before it is decoded. Unknown fields are ignored. A new
message needs only a subclass of :class:`ClientMessage`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import ClassVar, NoReturn, Self

from audio.pcm import SAMPLE_BYTES
from audio.samples import HEARING_RATE
from bot.text import shorten
from bot.voice.browser.server_messages import DOWN_RATES, ErrorCode
from bot.voice.turn import Microphone
from wire.fields import Fields, WireError

MAX_SOUND = 32 * HEARING_RATE * SAMPLE_BYTES
"""Largest sound of one message, in bytes: 32 s."""
MAX_CHUNK = 4 * -(-MAX_SOUND // 3) + 4
"""Largest number of characters of a sound in base64."""
MAX_MESSAGE = MAX_CHUNK + 1_024
"""Largest number of bytes of a message. The web server closes the socket at a larger one, without decoding it."""
MAX_SMALL_MESSAGE = 64 * 1_024
"""Largest number of characters of a message that carries no sound."""
MAX_TEXT = 4_000
"""Largest number of characters of a typed text."""
MAX_NAME = 200
"""Largest number of characters of a person's name."""
MAX_SESSION = 64
"""Largest number of characters of a session's id."""
MAX_ERROR = 300
"""Largest number of characters of an error message about a client's message."""
UP_RATE = HEARING_RATE
"""Sample rate of the sound from clients, in Hz."""
MICROPHONES = (Microphone.OPEN, Microphone.PUSH_TO_TALK)
"""The kinds of microphones that a client can name."""
MAX_PLAYED_MS = 86_400_000.0
"""Largest time that :class:`Played` can report, in milliseconds: a day."""

NO_WORDS = "❌ There are no words in that text."
TEXT_TOO_LONG = f"❌ That text is too long: {MAX_TEXT:,} characters are the most. Send it in several parts."
SOUND_TOO_LONG = f"❌ That sound is too long: {MAX_SOUND // (HEARING_RATE * SAMPLE_BYTES)} s at once are the most."
PROGRAM_AT_FAULT = "❌ The program through which you talk has sent me something that I can't use: {fault}."
"""The message for the person if the client is wrong. The fault is for whoever writes the client."""


class MessageError(ValueError):
    """A client message is not valid. The text tells the person why, in at most :data:`MAX_ERROR` characters."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(shorten(message, MAX_ERROR))
        self.code = code


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message from the client.

    A subclass defines the value of ``type`` (:attr:`kind`), the fields and how they are read.
    """

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
        questions: whether the client shows questions and sends their answers (:class:`Answer`). If not, the bot asks in
            words alone.
    """

    kind = "hello"
    name: str = ""
    audio: bool = False
    down: int = DOWN_RATES[0]
    session: str | None = None
    microphone: Microphone | None = None
    questions: bool = False

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
        if len(name) > MAX_NAME:
            _refuse(f'"name" may have at most {MAX_NAME} characters')
        if session is not None and len(session) > MAX_SESSION:
            _refuse(f'"session" may have at most {MAX_SESSION} characters')
        microphone = fields.text("microphone")
        if microphone is not None and microphone not in MICROPHONES:
            _refuse('"microphone" must be "open" or "push-to-talk"')
        questions = fields.get("questions")
        if questions is not None and not isinstance(questions, bool):
            _refuse('"questions" must be true or false')
        return cls(
            name,
            audio is not None,
            int(down) if down in DOWN_RATES else DOWN_RATES[0],
            session,
            None if microphone is None else Microphone(microphone),
            questions is True,
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
        if len(written) > MAX_CHUNK:
            raise MessageError(ErrorCode.TOO_LONG, SOUND_TOO_LONG)
        try:
            sound = base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError) as error:
            _refuse(f'"audio" is not base64: {error}')
        return cls(checked_sound(sound))


@dataclass(frozen=True, slots=True)
class TextTyped(ClientMessage):
    """A text that the person has typed. By its ``id``, the client is told whether it waits for its answer."""

    kind = "text"
    text: str = ""
    id: str | None = None

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        text = fields.get("text")
        if not isinstance(text, str):
            _refuse('"text" must be a string')
        if len(text) > MAX_TEXT:
            raise MessageError(ErrorCode.TOO_LONG, TEXT_TOO_LONG)
        if not text.strip():
            raise MessageError(ErrorCode.EMPTY_TEXT, NO_WORDS)
        return cls(text, fields.name("id"))


@dataclass(frozen=True, slots=True)
class Interrupt(ClientMessage):
    """The bot is to fall silent, and to drop the texts that wait for an answer."""

    kind = "interrupt"


@dataclass(frozen=True, slots=True)
class HangUp(ClientMessage):
    """End the call."""

    kind = "hangup"


@dataclass(frozen=True, slots=True)
class Switch(ClientMessage):
    """A message that switches something on or off, by its field ``on``."""

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
        reply, ms = fields.name("reply"), fields.number("ms", 0, MAX_PLAYED_MS)
        if reply is None or ms is None:
            _refuse('"reply" and "ms" are needed')
        return cls(reply, float(ms))


@dataclass(frozen=True, slots=True)
class Answer(ClientMessage):
    """The person's answer to a question. ``allow`` is whether the bot may do what it has asked about."""

    kind = "answer"
    question: str = ""
    allow: bool = False

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        question, allow = fields.name("question"), fields.get("allow")
        if question is None or not isinstance(allow, bool):
            _refuse('"question" is needed, and "allow" must be true or false')
        return cls(question, allow)


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


def _refuse(fault: str) -> NoReturn:
    raise _program_error(ErrorCode.BAD_PARAMETER, fault)


def _program_error(code: ErrorCode, fault: str) -> MessageError:
    return MessageError(code, PROGRAM_AT_FAULT.format(fault=fault))


def checked_sound(sound: bytes) -> bytes:
    """Return the sound of a message if it is valid: whole samples of 16 bits, and not too many.

    Raises:
        MessageError: the sound is not valid.
    """
    if len(sound) > MAX_SOUND:
        raise MessageError(ErrorCode.TOO_LONG, SOUND_TOO_LONG)
    if len(sound) % SAMPLE_BYTES:
        _refuse("the sound has half a sample: it must be 16-bit mono")
    return sound


def parse_client(raw: str) -> ClientMessage:
    """Parse a client's message in JSON. Parsing a long message is CPU-bound: call this in a thread.

    Raises:
        MessageError: the message is not valid.
    """
    if len(raw) > MAX_MESSAGE:
        raise _program_error(ErrorCode.TOO_LONG, f"a message may have at most {MAX_MESSAGE:,} bytes")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _program_error(ErrorCode.BAD_MESSAGE, f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise _program_error(ErrorCode.BAD_MESSAGE, "a message must be a JSON object")
    name = message.get("type")
    kind = ClientMessage.by_kind.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(ClientMessage.by_kind)
        told = repr(shorten(name, 40)) if isinstance(name, str) else "none"
        raise _program_error(ErrorCode.UNKNOWN_TYPE, f'"type" must be one of {known}; it is {told}')
    if kind is not AudioChunk and len(raw) > MAX_SMALL_MESSAGE:
        if kind is TextTyped:
            raise MessageError(ErrorCode.TOO_LONG, TEXT_TOO_LONG)
        raise _program_error(ErrorCode.TOO_LONG, f"this message may have at most {MAX_SMALL_MESSAGE:,} characters")
    try:
        return kind._read(Fields(message))
    except WireError as error:
        raise _program_error(ErrorCode.BAD_PARAMETER, str(error)) from None
    except RecursionError:
        # A deeply nested value may be parsed, and yet be too deep for the repr in the error message.
        raise _program_error(ErrorCode.BAD_MESSAGE, "not JSON: nested too deeply") from None
