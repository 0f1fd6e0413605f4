"""Charges the sound of replies: once for each reply, when its sound is over."""

from __future__ import annotations

from collections.abc import Callable

from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.events import Disconnected, SegmentAudio, SpeechEvent
from wire.messages import SAMPLE_RATE, Cancelled, Failure, Flushed, SegmentEnd, SegmentStart

Charge = Callable[[ServerAddress, Account, float], None]
"""Charges sound: gets the server, the account and the seconds."""


CHARACTERS_PER_SECOND = 15.0
"""Assumed speed of speech, with which the length of a text's sound is estimated."""
LONGEST_SEGMENT = 60.0
"""Maximum number of seconds that a broken-off segment is estimated at: the server may name any text."""


def estimated_seconds(text: str) -> float:
    """The estimated length of the sound of a text, in seconds."""
    return len(text) / CHARACTERS_PER_SECOND


class ChargedSound:
    """Adds up the seconds of sound that a server makes for a reply, and charges the sum when no more sound comes.

    Nothing is charged earlier, so that people do not wait for the charging before they hear the first sound. If the
    server says that a segment costs money, its whole text is charged even if it is interrupted: the bot asked for it.

    Args:
        charge: called with the server, the account and the seconds.
        charge_paid: the same for sound of which the server says that it costs money.
        whose: returns the account to which the sound of the current reply is charged. Called when a reply's first
            segment begins.
    """

    def __init__(self, charge: Charge, charge_paid: Charge, whose: Callable[[], Account]) -> None:
        self._charge = charge
        self._charge_paid = charge_paid
        self._whose = whose
        self._reply: str | None = None
        self._made: tuple[ServerAddress, Account, float] | None = None
        self._segment = self._paid = 0.0
        """Seconds of the current segment, and of the reply's earlier segments that cost money, as the server says."""
        self._asked = ""
        """The text of the current segment if the server says that it costs money; otherwise empty."""

    def came(self, event: SpeechEvent, server: ServerAddress) -> None:
        """Take an event of the server."""
        match event:
            case SegmentAudio(reply, _, samples):
                self._add(reply, server, len(samples) / SAMPLE_RATE)
                self._segment += len(samples) / SAMPLE_RATE
            case SegmentStart(_, text, reply, costs_money):
                self._add(reply, server, 0.0)
                self._segment, self._asked = 0.0, text if costs_money else ""
            case SegmentEnd(costs_money=costs_money):
                self._end_segment(self._segment if costs_money else 0.0)
            case Failure():
                # The engine has not spoken the rest of the segment, so only what came is charged.
                self._end_segment(self._segment if self._asked else 0.0)
                self.end()
            case Flushed() | Cancelled() | Disconnected():
                self.end()
            case _:
                pass

    def _add(self, reply: str | None, server: ServerAddress, seconds: float) -> None:
        """Add sound to what is charged for a reply. What was added for another one is charged now."""
        if self._made is None or reply != self._reply or server is not self._made[0]:
            self.end()
            self._reply, self._made = reply, (server, self._whose(), 0.0)
        _, account, before = self._made
        self._made = server, account, before + seconds

    def end(self) -> None:
        """Charge the sound that has come for the current reply. No more of it will come."""
        if self._made is None:
            return
        server, account, seconds = self._made
        if self._asked:
            whole = max(self._segment, min(estimated_seconds(self._asked), LONGEST_SEGMENT))
            seconds += whole - self._segment
            self._end_segment(whole)
        paid, self._made, self._paid, self._segment = self._paid, None, 0.0, 0.0
        if paid:
            self._charge_paid(server, account, paid)
        if seconds > paid:
            self._charge(server, account, seconds - paid)

    def _end_segment(self, paid: float) -> None:
        """End the current segment, of which so many seconds cost money."""
        self._paid += paid
        self._segment, self._asked = 0.0, ""
