"""The messages of ``/ws/stream``, and the numbers that both sides keep to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
