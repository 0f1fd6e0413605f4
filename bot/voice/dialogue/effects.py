"""The dialogue's effects: everything that its state machine wants done."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Samples
from bot.voice.turn import Outcome, Prompt
from wire.messages import ClientMessage


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Show the author that the prompt was taken."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the author why the prompt was not taken."""

    prompt: Prompt
    text: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The prompt is never answered, and nobody is told; ``refused``: because too many wait."""

    prompt: Prompt
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Tell:
    """Write in the prompt channel, as an answer to ``prompt``."""

    text: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class BeginReply:
    """A reply comes to life: playback may be primed."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CommitReply:
    """It is sure that the reply is wanted: from now on it may be heard and seen. ``prompt`` is what it answers."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class AskModel:
    """Open the model's stream."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CloseModel:
    """Close the model's stream, if it is open."""

    reply: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send the speech server a message. A :class:`~wire.messages.Speak` gets the reply's parameters on its way."""

    message: ClientMessage


@dataclass(frozen=True, slots=True)
class MarkSegment:
    """The sound that is played next is that of this segment."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """Queue sound for the channel, at 48,000 Hz."""

    reply: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class PausePlayback:
    """Silence is meant until there is more sound."""

    reply: str


@dataclass(frozen=True, slots=True)
class FinishPlayback:
    """No more sound of this reply comes: report when the last sample is sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class DropPlayback:
    """Drop every sample of the reply that is not yet sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class HoldPlayback:
    """Fall silent and keep what is queued: somebody speaks."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Go on where playback was held."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Add the exchange to the history, as far as it was heard."""

    prompt: Prompt
    heard: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class EndReply:
    """The reply's life is over."""

    reply: str
    outcome: Outcome


Effect = (
    Acknowledge
    | Refuse
    | Drop
    | Tell
    | BeginReply
    | CommitReply
    | AskModel
    | CloseModel
    | Send
    | MarkSegment
    | Play
    | PausePlayback
    | FinishPlayback
    | DropPlayback
    | HoldPlayback
    | ResumePlayback
    | Remember
    | EndReply
)
