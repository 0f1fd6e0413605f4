"""Turns, prompts and outcomes: the values that the parts of a call pass to each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bot.llm.messages import ChatMessage


class Microphone(StrEnum):
    """The way in which a person's microphone opens and closes.

    The transport knows it, or it is learned from the person's transmissions.
    """

    UNKNOWN = "unknown"
    PUSH_TO_TALK = "push-to-talk"
    VOICE_ACTIVITY = "voice activity"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class TurnId:
    """Id of a turn: the person's user id and a number that grows with each turn of that person."""

    person: int
    number: int

    def __str__(self) -> str:
        return f"{self.person}-{self.number}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """Parse an id that :func:`str` has written; raises :class:`ValueError`."""
        person, _, number = written.partition("-")
        return cls(int(person), int(number))


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """The turn in which a prompt was spoken. Times are in monotonic seconds.

    Attributes:
        microphone: the kind of the person's microphone.
        paused_at: when the last pause of the turn was detected.
        transcribed_at: when the words were known.
        ended_at: when the turn counted as over; ``None`` before that.
    """

    id: TurnId
    microphone: Microphone
    paused_at: float
    transcribed_at: float
    ended_at: float | None = None


class PromptKind(StrEnum):
    """The way in which a prompt is to be handled."""

    ASK = "ask"
    """The model answers the prompt."""
    RECITE = "recite"
    """The bot speaks the prompt's text word for word (``!speak``)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that the bot is to answer or to recite. It was typed or spoken.

    Attributes:
        author: the author's display name; empty if the bot itself wants a text recited.
        text: the words.
        at: when the prompt came, in monotonic seconds. If it was spoken: when its last voiced packet came.
        message: id of the message in the prompt channel; ``None`` if there is none.
        kind: whether the model answers the text, or the bot recites it.
        person: the author's user id, if it is known.
        spoken: the turn in which the prompt was spoken; ``None`` if it was typed.
        voice: name of the voice that speaks the reply; ``None`` for the usual voice.
        language: the language that the author usually speaks, as Whisper's code; ``None`` if it is unknown.
        results: tool calls with the results that came only after ``text`` had been answered. This prompt asks for a
            second answer, which tells them.
        answers_command: whether the text is the bot's own answer to a command of its author. Such an answer may be
            private, so it is not quoted in the prompt channel if it could not be said.
        may_be_left_out: whether its author misses nothing if the text is not said: it confirms what was done, or asks
            back.
        begun: how many replies to this prompt were begun before, and interrupted before anything of them was heard.
        only_if_present: whether the prompt is dropped if its author has left the call before it is answered or recited.
        told_to: for a text of the bot itself, such as a greeting: user id of the person whom it concerns, if there is
            one. Nothing of it may be kept if that person wants nothing to be kept.
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
    results: tuple[ChatMessage, ...] = ()
    only_if_present: bool = False
    begun: int = 0
    answers_command: bool = False
    may_be_left_out: bool = False
    told_to: int | None = None

    @property
    def awaited(self) -> bool:
        """Whether somebody is told if this prompt is not answered or said. The bot's own texts are left out."""
        return bool(self.author) and not self.may_be_left_out

    @property
    def may_be_quoted(self) -> bool:
        """Whether this is a text that its author wanted read aloud, so that it may be written if it was not said."""
        return self.kind is PromptKind.RECITE and not self.answers_command

    @property
    def turn(self) -> TurnId | None:
        """Id of the turn in which the prompt was spoken; ``None`` if it was typed."""
        return self.spoken.id if self.spoken is not None else None


class Outcome(StrEnum):
    """The way in which a reply ended."""

    SPOKEN = "spoken"
    WRITTEN = "written"
    """The speech server failed, or the text can't be spoken. The rest was written into the prompt channel."""
    INTERRUPTED = "interrupted"
    SILENT = "silent"
    """The model has answered that it has nothing to say. Nothing of the reply was spoken or written."""
    FAILED = "failed"
    """The model gave no answer."""
    DISCARDED = "discarded"
    """A speculative reply was not wanted, or a waiting prompt was dropped. Nobody heard or saw any of the reply."""
    REFUSED = "refused"
    """The prompt was not accepted, because too many prompts waited already."""
