"""The effects of the dialogue's state machine: all that it can ask the conversation to do."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Samples
from bot.voice.turn import Outcome, Prompt
from wire.messages import ClientMessage


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Show the author of a prompt that the prompt was accepted."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the author of a prompt why the prompt was not accepted."""

    prompt: Prompt
    text: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop a prompt without telling anybody.

    Attributes:
        refused: whether the prompt was dropped because too many prompts wait.
    """

    prompt: Prompt
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Tell:
    """Write into the prompt channel, as an answer to ``prompt``, and to the ``others`` who have asked."""

    text: str
    prompt: Prompt
    others: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class BeginReply:
    """Begin a reply. From now on the playback may send silence ahead of the reply's sound."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CommitReply:
    """Commit a reply: from now on people may hear and see it. ``prompt`` is the final prompt that the reply answers."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the model for the answer, and open its stream."""

    reply: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CloseModel:
    """Close the model's stream, if it is open."""

    reply: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the speech server. The conversation adds the speech parameters to a ``Speak``."""

    message: ClientMessage


@dataclass(frozen=True, slots=True)
class MarkSegment:
    """Mark the place in the sound where a segment begins. ``text`` is the text of the segment."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """Queue sound for playback, mono at 48,000 Hz."""

    reply: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class PausePlayback:
    """Allow silence until more sound comes. Such silence is no underrun (a gap because sound is late)."""

    reply: str


@dataclass(frozen=True, slots=True)
class TrimPlayback:
    """Drop the reply's sound behind its first ``samples`` samples, as far as it was not sent. More sound follows."""

    reply: str
    samples: int


@dataclass(frozen=True, slots=True)
class FinishPlayback:
    """Tell the playback that the reply has no more sound. The playback reports when the last sample was sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class CutPlayback:
    """End the reply's sound after its first ``samples`` samples. The playback reports when the last one was sent."""

    reply: str
    samples: int


@dataclass(frozen=True, slots=True)
class DropPlayback:
    """Drop the reply's sound that was not sent yet."""

    reply: str


@dataclass(frozen=True, slots=True)
class HoldPlayback:
    """Stop the playback and keep the queued sound, because somebody speaks."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Continue the playback where it was held."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Add a prompt and its answer to the history. ``heard`` is the part of the answer that people heard."""

    prompt: Prompt
    heard: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class AnswerAnew:
    """A prompt is answered or recited anew, because nothing of the reply to it was heard.

    If the prompt is in the history, it is taken out, and comes back with its new answer.
    """

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class EndReply:
    """End a reply."""

    reply: str
    outcome: Outcome


PlaybackEffect = (
    MarkSegment
    | Play
    | PausePlayback
    | TrimPlayback
    | FinishPlayback
    | CutPlayback
    | DropPlayback
    | HoldPlayback
    | ResumePlayback
)

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
    | Remember
    | AnswerAnew
    | EndReply
    | PlaybackEffect
)
