"""The last words of a call, people's and the bot's."""

from __future__ import annotations

from collections import deque

from bot.voice.events import CallEvent, RemarkHeard, ReplyEnded
from bot.voice.turns.end_of_turn import Line

KEPT_LINES = 10


class CallHistory:
    """Keeps the last :data:`KEPT_LINES` that were said; :meth:`note` is a :data:`~bot.voice.events.Watcher`."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT_LINES)

    def lines(self) -> tuple[Line, ...]:
        """What was said, the oldest first."""
        return tuple(self._lines)

    def note(self, event: CallEvent) -> None:
        """Take down what was said, if that is what has happened."""
        match event:
            case RemarkHeard(person, _, text):
                self._lines.append(Line(person, text))
            case ReplyEnded(_, heard) if heard or event.interrupted:
                self._lines.append(Line(None, heard))
            case _:
                pass

    def forget(self, person: int) -> None:
        """Keep nothing that this person has said."""
        self._lines = deque((line for line in self._lines if line.person != person), maxlen=KEPT_LINES)
