"""What a call tells whoever watches it (the console, a log): small facts, as they happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.voice.metrics import TurnTrace


@dataclass(frozen=True, slots=True)
class RemarkHeard:
    """Somebody has said something aloud; ``addressed``: to the bot. ``person`` is their user id."""

    person: int
    author: str
    text: str
    addressed: bool


@dataclass(frozen=True, slots=True)
class PromptTaken:
    """Somebody's words were taken up and are being answered; ``recited``: the words are what the bot says itself.

    ``person`` is the author's user id, as far as it is known; ``spoken``: they said it aloud.
    """

    reply: str
    author: str
    text: str
    recited: bool = False
    person: int | None = None
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class WordsSpoken:
    """A clause of the reply has begun to sound in the channel."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerHeard:
    """This much of an answer has reached people, aloud or in writing."""

    text: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """A reply is over."""

    trace: TurnTrace


@dataclass(frozen=True, slots=True)
class Told:
    """Something was written in the prompt channel."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegan:
    """The bot has joined a voice channel. ``encrypted`` says that end-to-end encryption is in force."""

    channel: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over."""

    channel: str
    cause: str


CallEvent = RemarkHeard | PromptTaken | WordsSpoken | AnswerHeard | ReplyEnded | Told | CallBegan | CallEnded
Watcher = Callable[[CallEvent], None]
"""Takes an event on the event loop; must not block or raise."""


class EventFeed:
    """A :data:`Watcher` that passes each event on to all who subscribed, in their order."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = [*watchers]

    def __call__(self, event: CallEvent) -> None:
        """Pass it on."""
        for watcher in tuple(self._watchers):
            watcher(event)

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Tell ``watcher`` too, from now on, until the returned function is called."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)
