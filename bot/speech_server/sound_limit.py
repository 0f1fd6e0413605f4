"""Tells when a speech server with events sends more sound than it was asked for. Pure logic, without I/O and clock."""

from __future__ import annotations

from bot.speech_server.events import SegmentAudio, SpeechEvent
from wire.messages import SAMPLE_RATE, ClientMessage, Failure, Notice, Speak

CHARACTER_SECONDS = 1.0
"""Seconds that one character may take, about fifteen times as long as usual: a digit or a sign may be a word of its
own, and the voice may speak at half its speed."""
EXTRA_SECONDS = 15.0
"""Seconds that each reply may last in addition to :data:`CHARACTER_SECONDS` for each character, since a short text may
be read as a long one.
"""
UNASKED_SECONDS = 300.0
"""Seconds of sound that may come after a reply was cancelled or has failed. Some of it may be on its way."""
ENDLESS = "its sound does not end"
UNASKED = "it sends sound that nobody has asked for"
USELESS = "it sends too many messages that belong to no reply"


class SoundLimit:
    """Counts the sound of one connection, and compares it with the text of the reply that is being spoken.

    Attributes:
        unasked: whether the server keeps sending sound that belongs to no text.
    """

    def __init__(self) -> None:
        self.unasked = False
        self._asked = False
        self._reply: str | None = None
        self._left = 0.0
        self._unasked_left = UNASKED_SECONDS

    def sent(self, message: ClientMessage) -> None:
        """Note a message that was sent to the server."""
        if not isinstance(message, Speak):
            self._asked = False
            return
        if not self._asked or message.reply != self._reply:
            self._asked, self._reply, self._left = True, message.reply, EXTRA_SECONDS
            self._unasked_left = UNASKED_SECONDS
        self._left += CHARACTER_SECONDS * len(message.token)

    def is_useless(self, event: SpeechEvent | None) -> bool:
        """Whether an event brings no reply further. False for sound: :meth:`checked` limits it by its length."""
        return event is None or isinstance(event, Notice) or not (self._asked or isinstance(event, SegmentAudio))

    def checked(self, event: SpeechEvent) -> SpeechEvent:
        """The event, or a failure of the reply in place of sound that is too much. That failure comes once."""
        if not isinstance(event, SegmentAudio):
            return event
        seconds = len(event.samples) / SAMPLE_RATE
        # A server may leave out the ids of replies.
        if self._asked and event.reply in (None, self._reply):
            self._left -= seconds
            if self._left < 0:
                self._asked = False
                return Failure(ENDLESS, "engine_failed", self._reply)
        else:
            self._unasked_left -= seconds
            self.unasked = self._unasked_left < 0
        return event
