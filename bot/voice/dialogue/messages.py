"""What the dialogue's state machine takes in (events) and what it wants done (effects)."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Samples
from bot.voice.turn import Outcome, Prompt, TurnId


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
class SegmentStarted:
    """The voice takes up a segment; ``text`` is its written form."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class AudioCame:
    """The voice delivered sound of the current segment, at 48,000 Hz."""

    reply: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """The segment is whole."""

    reply: str


@dataclass(frozen=True, slots=True)
class SpeechFlushed:
    """The voice has delivered everything."""

    reply: str


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    """The voice failed at this reply, or, with ``None``, altogether."""

    reply: str | None


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
    | SegmentStarted
    | AudioCame
    | SegmentEnded
    | SpeechFlushed
    | SpeechFailed
    | PlaybackDrained
    | Stopped
    | Dismissed
    | PromptCancelled
)


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
class TokenToVoice:
    """Pass text on to the voice."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True)
class EndOfText:
    """Tell the voice that the reply's text is whole."""

    reply: str


@dataclass(frozen=True, slots=True)
class CancelSpeech:
    """Make the voice drop the reply."""

    reply: str


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
    | TokenToVoice
    | EndOfText
    | CancelSpeech
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
