"""The events of the dialogue's state machine: all that can happen to a conversation.

Messages of the speech server (``wire/messages.py``) are used as events without a change.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.speech_server.events import Disconnected, SegmentAudio
from bot.voice.dialogue.restart import Keeps
from bot.voice.turn import Prompt, TurnId
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt has come that is to be answered or recited."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnSpeculated:
    """A person has paused, and the turn may be over: a reply may be prepared. ``prompt`` has the words so far."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """A turn is over: the reply may be heard. ``prompt`` has all words of the turn."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class TurnDiscarded:
    """A speculative reply is not wanted: the person speaks on, or the turn was not for the bot."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class InterruptionStarted:
    """A person who may interrupt has started to speak."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class InterruptionConfirmed:
    """There are words in a turn that began during a reply, so the turn ends that reply.

    Attributes:
        position: number of samples of the current reply that people have heard.
    """

    turn: TurnId
    position: int


@dataclass(frozen=True, slots=True)
class FloorReleased:
    """A turn is over, or was no interruption. It no longer keeps the bot from speaking."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """The model server is still loading its model, so the answer will be late."""

    reply: str


@dataclass(frozen=True, slots=True)
class TokenCame:
    """The model has sent a piece of the answer."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolsBegan:
    """The model has called tools, and the answer waits for their results."""

    reply: str


@dataclass(frozen=True, slots=True)
class ToolsTakeLong:
    """The answer still waits for tools, or for the model's words after them.

    Attributes:
        remark: a text that could be spoken, to say that the answer takes a moment.
        position: number of samples of the reply that people have heard.
        first: whether this is the first event of its kind since the answer began to wait.
    """

    reply: str
    remark: str
    position: int
    first: bool


@dataclass(frozen=True, slots=True)
class ToolsLate:
    """The answer ends without the results of its tools, which run on. ``remark`` says so, and is the answer's end."""

    reply: str
    remark: str


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The model has finished the answer."""

    reply: str


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The model has failed to answer, or to finish the answer.

    Attributes:
        fault: the cause, as a text for users; "" if they know it already.
        timed_out: whether the model sent nothing for too long.
    """

    reply: str
    fault: str
    timed_out: bool


@dataclass(frozen=True, slots=True)
class PlaybackDrained:
    """The last sample of the reply has been sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class SpeechServerReplaced:
    """The speech server was lost, and another one is connected, which has nothing of the current reply yet.

    Attributes:
        sent: number of samples of the current reply that have been sent.
    """

    sent: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody has told the bot to be silent. People have heard ``position`` samples of the current reply."""

    position: int


@dataclass(frozen=True, slots=True)
class CallEnds:
    """The call ends: nothing is answered any more.

    Attributes:
        position: number of samples of the current reply that people have heard.
        spoken_too: whether those who have spoken are told that they get no answer, as those who have typed are.
        late: prompts whose authors wait for something that will not come any more, such as results of tools.
    """

    position: int
    spoken_too: bool
    late: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The bot no longer answers a person (user id). People have heard ``position`` samples of the current reply."""

    person: int
    position: int


@dataclass(frozen=True, slots=True)
class PromptCancelled:
    """This one prompt is no longer to be answered. People have heard ``position`` samples of the current reply."""

    prompt: Prompt
    position: int


@dataclass(frozen=True, slots=True)
class RestartBegan:
    """The bot is being restarted: the sentence that is being spoken is the last one, and further prompts wait.

    Attributes:
        position: number of samples of the current reply that people have heard.
        keeps: returns whether a prompt is kept until the bot is back.
    """

    position: int
    keeps: Keeps


@dataclass(frozen=True, slots=True)
class RestartIsDue:
    """The restart can't wait for the end of the sentence. Has the attribute ``position``, as :class:`RestartBegan`."""

    position: int


SpeechOutput = SegmentStart | SegmentAudio | SegmentEnd | Flushed | Failure | Disconnected
"""Events of the speech server about the text that was sent to it. Messages about an earlier reply are ignored."""

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
    | ToolsBegan
    | ToolsTakeLong
    | ToolsLate
    | ModelDone
    | ModelFailed
    | PlaybackDrained
    | SpeechServerReplaced
    | Stopped
    | CallEnds
    | Dismissed
    | PromptCancelled
    | RestartBegan
    | RestartIsDue
    | SpeechOutput
)
