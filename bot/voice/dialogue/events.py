"""The dialogue's events: everything that its state machine takes in.

What the speech server says of a reply is taken as it comes, in the messages of the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.speech_server.stream import Disconnected, SegmentAudio
from bot.voice.turn import Prompt, TurnId
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart


@dataclass(frozen=True, slots=True)
class Prompted:
    """Somebody said something that wants an answer."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnSpeculated:
    """Somebody may have finished their turn, and would then have said this: an answer may be prepared."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The turn is over, and this is what was said: the answer may be heard."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnDiscarded:
    """The person goes on, or wanted no answer: whatever was made of the turn is worth nothing."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class InterruptionStarted:
    """Somebody who may interrupt begins to speak."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class InterruptionConfirmed:
    """There are words in a turn that began during a reply, of which ``heard`` samples had been sent."""

    turn: TurnId
    heard: int


@dataclass(frozen=True, slots=True)
class FloorReleased:
    """The turn is over, or was no interruption: as far as it is concerned, the bot may speak."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """The model server is still loading its model, and has been for a moment."""

    reply: str


@dataclass(frozen=True, slots=True)
class TokenCame:
    """The model wrote some text."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The model has finished."""

    reply: str


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The model gave up; ``fault`` is fit to be shown, ``timed_out`` says that it was silent for too long."""

    reply: str
    fault: str
    timed_out: bool


@dataclass(frozen=True, slots=True)
class PlaybackDrained:
    """The last sample of the reply has been sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody wants silence; ``heard`` samples of the current reply had been sent."""

    heard: int


@dataclass(frozen=True, slots=True)
class Dismissed:
    """Somebody (a user id) is answered no more; ``heard`` samples of the current reply had been sent."""

    person: int
    heard: int


@dataclass(frozen=True, slots=True)
class PromptCancelled:
    """This very prompt wants no answer any more; ``heard`` samples of the current reply had been sent."""

    prompt: Prompt
    heard: int


SpeechOutput = SegmentStart | SegmentAudio | SegmentEnd | Flushed | Failure | Disconnected
"""What becomes of the text that was sent to the speech server. What belongs to no reply of the call is ignored."""

Event = (
    Prompted
    | TurnSpeculated
    | TurnCommitted
    | TurnDiscarded
    | InterruptionStarted
    | InterruptionConfirmed
    | FloorReleased
    | ModelLoading
    | TokenCame
    | ModelDone
    | ModelFailed
    | PlaybackDrained
    | Stopped
    | Dismissed
    | PromptCancelled
    | SpeechOutput
)
