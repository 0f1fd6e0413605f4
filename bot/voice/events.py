"""Events of a call, for those who watch it: the console, the captions, the trace file and so on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome, TurnId

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base class of events.

    Attributes:
        call: id of the call; empty if the event belongs to no call.
        at: when the event happened, in monotonic seconds.
    """

    call: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """Calls are possible now. On Discord, the bot is connected. This event belongs to no call."""


@dataclass(frozen=True, slots=True)
class WebReady(Event):
    """The page is served at ``url``. This event belongs to no call."""

    url: str


@dataclass(frozen=True, slots=True)
class EnginesReady(Event):
    """Ears, mind and voice are loaded. This event belongs to no call."""


@dataclass(frozen=True, slots=True)
class CallBegan(Event):
    """The bot has joined a call.

    Attributes:
        transport: the kind of transport that carries the call, such as ``discord``.
        place: name of the place where the call is held, such as the voice channel.
        encrypted: whether the call is encrypted end to end.
        people: display names of the people who are in the call as it begins.
    """

    transport: str
    place: str
    encrypted: bool
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """A person has started to speak."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """A person's turn is over, or was dropped. This event follows each :class:`SpeechStarted`, unless the call ends."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class WordsSoFar(Event):
    """The words of a turn that still goes on.

    The turn's next event of this kind replaces these words, and so does its :class:`UtteranceHeard`. If the next event
    has no words, the turn was no speech, or an echo.

    Attributes:
        turn: the turn.
        author: the person's display name.
        text: all words so far. The last ones may still change.
        settled: the words at the beginning of ``text`` that stay until the turn is over.
    """

    turn: TurnId
    author: str
    text: str
    settled: str


@dataclass(frozen=True, slots=True)
class UtteranceHeard(Event):
    """A person has said something aloud.

    Attributes:
        person: the person's user id.
        author: the person's display name.
        text: the transcribed words.
        addressed: whether the words were for the bot.
        language: Whisper's code of the language, such as ``en``; ``None`` if the transcriber does not detect it.
        turn: the turn in which the words were said.
    """

    person: int
    author: str
    text: str
    addressed: bool
    language: str | None = None
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True)
class PromptTaken(Event):
    """The bot has begun to answer a prompt.

    A speculative reply begins before it is certain that the person has finished. Its event comes when that is certain.

    Attributes:
        reply: id of the reply.
        author: display name of the prompt's author.
        text: the prompt's text.
        recited: whether the bot speaks the text as it is, instead of answering it.
        person: user id of the prompt's author; ``None`` if it is not known.
        turn: the turn in which the prompt was spoken; ``None`` if it was typed.
        late: whether the bot has begun to answer this prompt before. Now it tells results of tools that have come
            since, or it answers anew, because nothing of its first answer was heard.
        told_to: for a text of the bot itself: user id of the person whom it concerns, as in
            :class:`~bot.voice.turn.Prompt`.
    """

    reply: str
    author: str
    text: str
    recited: bool = False
    person: int | None = None
    turn: TurnId | None = None
    late: bool = False
    told_to: int | None = None

    @property
    def asker(self) -> int | None:
        """User id of the person to whose data the reply belongs; ``None`` if it belongs to nobody's."""
        return self.told_to if self.person is None else self.person


@dataclass(frozen=True, slots=True)
class WordsSpoken(Event):
    """A segment of a reply has started to play. ``turn`` is the turn of the prompt, as in :class:`PromptTaken`."""

    reply: str
    text: str
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True)
class ReplyEnded(Event):
    """A reply is over.

    Attributes:
        trace: the timings of the reply.
        heard: the part of the reply that people heard, or read if it was written.
        turn: the turn in which the prompt was spoken, as in :class:`PromptTaken`.
    """

    trace: ReplyTrace
    heard: str = ""
    turn: TurnId | None = None

    @property
    def interrupted(self) -> bool:
        """Whether the reply was interrupted."""
        return self.trace.outcome is Outcome.INTERRUPTED


@dataclass(frozen=True, slots=True)
class NoticePosted(Event):
    """A notice was written into the prompt channel, or waits to be written."""

    text: str


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over.

    Attributes:
        place: name of the place where the call ended. Discord users can move the bot to another channel.
        cause: a value of :class:`~bot.voice.transport.EndCause`.
    """

    place: str
    cause: str


CallEvent = (
    Ready
    | WebReady
    | EnginesReady
    | CallBegan
    | SpeechStarted
    | SpeechStopped
    | WordsSoFar
    | UtteranceHeard
    | PromptTaken
    | WordsSpoken
    | ReplyEnded
    | NoticePosted
    | CallEnded
)
Watcher = Callable[[CallEvent], None]
"""A function that takes each event, on the event loop. It must not block or raise."""


class EventFeed:
    """A :data:`Watcher` that passes each event on to all subscribed watchers, in the order of subscription."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = [*watchers]

    def __call__(self, event: CallEvent) -> None:
        """Pass an event on. Errors of a watcher are logged and disturb neither the other watchers nor the call."""
        for watcher in tuple(self._watchers):
            try:
                watcher(event)
            except Exception:
                _log.exception("A watcher could not handle an event of the call")

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Subscribe ``watcher``. The returned function ends the subscription."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


class CallFeed(EventFeed):
    """The event feed of one call. It adds the call's id and the time to each event.

    Args:
        call: id of the call.
        clock: returns monotonic seconds.

    Attributes:
        call: id of the call.
    """

    def __init__(self, call: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self.call = call
        self._clock = clock

    def __call__(self, event: CallEvent) -> None:
        """Add id and time to an event, and pass it on."""
        super().__call__(replace(event, call=self.call, at=self._clock()))
