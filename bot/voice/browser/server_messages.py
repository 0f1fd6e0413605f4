"""Messages to the clients of the WebSocket ``/ws/chat`` (docs/api.md).

A new message is a subclass of :class:`ServerMessage`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Literal

DOWN_RATES = (24_000, 48_000)
"""Sample rates of the sound to clients, in Hz.

If a client asks for a rate that is not listed, or for none, the first one is used.
"""

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
    """A call is on elsewhere: on Discord, on the telephone, or in another tab, in which somebody speaks."""
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
    NOT_ANSWERED = "not_answered"
    """The bot was told to ignore this person."""
    PERSONA_UNCHANGED = "persona_unchanged"
    """There is no such persona, or the choice could not be saved."""
    NO_QUESTION = "no_question"
    """There is no such question, or it is over."""
    NOT_ASKED = "not_asked"
    """Somebody else was asked."""
    BUSY = "busy"
    """Somebody speaks in another tab."""
    CALL_ELSEWHERE = "call_elsewhere"
    """Other calls are on, for example on Discord, so no call can begin here."""
    CALL_FAILED = "call_failed"
    """The call could not begin, or it has ended by a fault."""


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """A message to the client. A subclass defines the value of ``type`` (:attr:`kind`), and the fields.

    Fields of ``None`` are left out.
    """

    kind: ClassVar[str] = ""

    def to_json(self) -> str:
        """The message as JSON. It is in ASCII, since UTF-8 can't encode half a surrogate pair."""
        fields: dict[str, Any] = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps({"type": self.kind, **fields})


@dataclass(frozen=True, slots=True)
class Ready(ServerMessage):
    """The call is on. ``session`` is its id for clients, ``down`` the sample rate of the sound to the client, in Hz.

    ``call`` is the id by which its stored conversation is found; ``None`` if somebody else may have said things in it.
    """

    kind = "ready"
    session: str
    down: int
    call: str | None = None


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
        quality: always ``fast``.
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
class Question(ServerMessage):
    """Asks the person whether the bot may call a tool.

    Attributes:
        question: id of the question.
        text: the name of the tool and its arguments. The language model wrote them.
    """

    kind = "question"
    question: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionOver(ServerMessage):
    """A question is over: it was answered, with a button or in words, or nobody answered it in time."""

    kind = "question_over"
    question: str


@dataclass(frozen=True, slots=True)
class Waiting(ServerMessage):
    """Which typed texts wait for their answers, by the ids that the client has given them."""

    kind = "waiting"
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Background(ServerMessage):
    """Whether other sound, such as music, plays while the voice is silent.

    If ``on``, the binary messages that follow belong to no reply.
    """

    kind = "background"
    on: bool


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
