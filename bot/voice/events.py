"""What a call tells whoever watches it (the console, a log): small facts, as they happen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.voice.metrics import TurnTrace
from bot.voice.turn import Outcome, TurnId

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has: the id of its ``call``, and when it happened, in monotonic seconds."""

    call: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """The bot has connected and can be called; it belongs to no call."""


@dataclass(frozen=True, slots=True)
class CallBegan(Event):
    """The bot is in a call. ``encrypted`` says that end-to-end encryption is in force."""

    transport: str
    place: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Somebody has begun to speak."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """They have finished, or it was nothing; comes once for each :class:`SpeechStarted`, unless the call ends."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class UtteranceHeard(Event):
    """Somebody has said something aloud; ``addressed``: to the bot. ``person`` is their user id.

    ``language`` is a code such as ``en``, where the transcriber tells it.
    """

    person: int
    author: str
    text: str
    addressed: bool
    language: str | None = None
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True)
class PromptTaken(Event):
    """Somebody's words were taken up and are being answered; ``recited``: the words are what the bot says itself.

    ``person`` is the author's user id, as far as it is known; ``turn`` is theirs, where they said it aloud.
    """

    reply: str
    author: str
    text: str
    recited: bool = False
    person: int | None = None
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True)
class WordsSpoken(Event):
    """A segment of the reply has begun to sound in the channel; ``turn`` as in :class:`PromptTaken`."""

    reply: str
    text: str
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True)
class ReplyEnded(Event):
    """A reply is over. So much of it was ``heard``, aloud or in writing; ``turn`` as in :class:`PromptTaken`."""

    trace: TurnTrace
    heard: str = ""
    turn: TurnId | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was cut short."""
        return self.trace.outcome is Outcome.INTERRUPTED


@dataclass(frozen=True, slots=True)
class NoticePosted(Event):
    """Something was written in the prompt channel."""

    text: str


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over. ``place`` is where the bot was at last: it may have been moved."""

    place: str
    cause: str


CallEvent = (
    Ready
    | CallBegan
    | SpeechStarted
    | SpeechStopped
    | UtteranceHeard
    | PromptTaken
    | WordsSpoken
    | ReplyEnded
    | NoticePosted
    | CallEnded
)
Watcher = Callable[[CallEvent], None]
"""Takes an event on the event loop; must not block or raise."""


class EventFeed:
    """A :data:`Watcher` that passes each event on to all who subscribed, in their order."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = [*watchers]

    def __call__(self, event: CallEvent) -> None:
        """Pass it on. The error of one watcher is logged, and keeps nothing from the others, nor from the call."""
        for watcher in tuple(self._watchers):
            try:
                watcher(event)
            except Exception:
                _log.exception("An event of the call could not be taken note of")

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Tell ``watcher`` too, from now on, until the returned function is called."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


class CallFeed(EventFeed):
    """The feed of one call: each event gets the call's id and the time before it is passed on."""

    def __init__(self, call: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self._call = call
        self._clock = clock

    def __call__(self, event: CallEvent) -> None:
        """Complete it and pass it on."""
        super().__call__(replace(event, call=self._call, at=self._clock()))
