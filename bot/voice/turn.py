"""What travels through a call: turns that people take, prompts that want an answer, and how a reply ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Microphone(StrEnum):
    """How a person's microphone opens and closes, as far as their history shows."""

    UNKNOWN = "unknown"
    PUSH_TO_TALK = "push-to-talk"
    VOICE_ACTIVITY = "voice activity"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class TurnId:
    """Names one turn of one person; the number grows with each of theirs."""

    person: int
    number: int

    def __str__(self) -> str:
        return f"{self.person}-{self.number}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read what :func:`str` made of one; raises :class:`ValueError`."""
        person, _, number = written.partition("-")
        return cls(int(person), int(number))


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """How a prompt came to be that was spoken; monotonic seconds.

    ``paused_at`` is the first sign of its end, ``transcribed_at`` when its words were known, ``ended_at`` when it was
    sure that the person had finished (``None`` while it is not).
    """

    id: TurnId
    microphone: Microphone
    paused_at: float
    transcribed_at: float
    ended_at: float | None = None


class PromptKind(StrEnum):
    """What is wanted of a prompt."""

    ASK = "ask"
    """The model answers it."""
    RECITE = "recite"
    """Its text is spoken as it stands (``!speak``)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something said to the bot: typed, and then ``message`` names it in the prompt channel, or spoken.

    ``person`` is the author's user id. ``at`` is when the message came, or the packet with the last voiced sample; in
    monotonic seconds. ``voice`` is the one to answer with, where it is to be another than usual. ``language`` is what
    its author usually speaks, as Whisper's code, where that is known.
    """

    author: str
    text: str
    at: float
    message: int | None = None
    kind: PromptKind = PromptKind.ASK
    person: int | None = None
    spoken: SpokenTurn | None = None
    voice: str | None = None
    language: str | None = None

    @property
    def turn(self) -> TurnId | None:
        """The turn in which it was spoken."""
        return self.spoken.id if self.spoken is not None else None


class Outcome(StrEnum):
    """How a reply ended."""

    SPOKEN = "spoken"
    WRITTEN = "written"
    """The voice failed, or had nothing to say: the rest stands in the prompt channel."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    """The model gave no answer."""
    DISCARDED = "discarded"
    """It was speculative and came to nothing, or was dropped before it was begun; nobody heard of it."""
    REFUSED = "refused"
    """It was not taken, because too many waited already."""
