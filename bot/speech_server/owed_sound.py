"""Measures how long a speech server lets people wait for sound: pure logic, driven by a clock."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.speech_server.events import SegmentAudio, SpeechEvent
from wire.messages import SAMPLE_RATE, Cancelled, ClientMessage, Failure, Flushed, SegmentEnd, SegmentStart, Speak

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+\S|[。！？\n]")
_LONGEST_END = 10
"""Number of characters by which the end of a sentence may reach back into the text that was sent before."""
_CERTAIN_LENGTH = 60
"""A text with the end of a sentence must have this many characters before the server owes its sound. After an
abbreviation, which looks like an end, a server may wait for more text."""


class OwedSound:
    """How long the server of one call has let people wait for the sound of its current reply, beyond the sound's own
    length.

    It counts the time in which a frame was awaited while the server owed sound, and subtracts the length of the sound
    that came. So it grows while nothing comes, before the first sound or in the middle, and while sound comes more
    slowly than it is spoken. A server that has sent much in advance is given no credit for it.

    Args:
        clock: returns monotonic seconds.

    Attributes:
        reply: id of the current reply; ``None`` if there is none.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.reply: str | None = None
        self._text = ""
        self._segment = ""
        self._complete = self._sentence = False
        self._late = 0.0
        self._since: float | None = None
        self._waiting = False

    @property
    def late(self) -> float:
        """The seconds that people have waited for this reply."""
        return self._late + (0.0 if self._since is None else self._clock() - self._since)

    def sent(self, message: ClientMessage) -> None:
        """A message was sent to the server."""
        if not isinstance(message, Speak):
            self.forget()
            return
        if message.reply != self.reply:
            self._begin(message.reply)
        searched = max(0, len(self._text) - _LONGEST_END)
        self._text += message.token
        self._complete |= message.flush
        self._sentence = self._sentence or _SENTENCE_END.search(self._text, searched) is not None
        self._count()

    def came(self, event: SpeechEvent) -> None:
        """An event has come from the server."""
        self._late, self._since, self._waiting = self.late, None, False
        match event:
            case SegmentStart(text=text, reply=reply) if reply == self.reply:
                self._segment = text
            case SegmentAudio(reply=reply, samples=samples) if reply == self.reply:
                self._late = max(0.0, self._late - len(samples) / SAMPLE_RATE)
            case SegmentEnd(reply=reply) if reply == self.reply:
                self._text = self._text[len(self._segment) :]
                self._sentence = _SENTENCE_END.search(self._text) is not None
            case Flushed(reply=reply) | Failure(reply=reply) | Cancelled(reply=reply) if reply == self.reply:
                self.forget()
            case _:
                pass

    def awaited(self) -> None:
        """The next frame is awaited from now on."""
        self._waiting = True
        self._count()

    def forget(self) -> None:
        """Forget the current reply: the server owes nothing any more."""
        self._begin(None)

    def _count(self) -> None:
        """Begin to count the time, if a frame is awaited and the server owes sound."""
        # The server may keep back text that is perhaps only the start of a sentence.
        certain = self._complete or (self._sentence and len(self._text) >= _CERTAIN_LENGTH)
        if self._waiting and self._since is None and self.reply is not None and certain:
            self._since = self._clock()

    def _begin(self, reply: str | None) -> None:
        self.reply, self._text, self._segment = reply, "", ""
        self._complete, self._sentence, self._late, self._since = False, False, 0.0, None
