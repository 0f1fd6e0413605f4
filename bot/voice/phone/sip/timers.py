"""The times of SIP (RFC 3261, table 4), in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.voice.phone.line import SILENCE_LIMIT


@dataclass(frozen=True, slots=True)
class SipTimers:
    """How long SIP waits. Tests use shorter times.

    Attributes:
        t1: an estimate of the time to the other side and back.
        t2: longest pause between two retransmissions.
        early: longest wait for the first sound of a caller who is to hear a sentence before the phone call is answered.
        silence: time without a packet of sound after which a phone call ends.
        hold: longest time for which the caller may put the bot on hold.
        closing: longest wait for the answers to the last messages when the endpoint closes.
    """

    t1: float = 0.5
    t2: float = 4.0
    early: float = 2.0
    silence: float = SILENCE_LIMIT
    hold: float = 180.0
    closing: float = 1.0

    @property
    def give_up(self) -> float:
        """Time after which an answer is no longer awaited."""
        return 64 * self.t1

    @property
    def give_up_answering(self) -> float:
        """Time after which a caller counts as gone if they have not acknowledged that the phone call is answered.

        It is shorter than in RFC 3261. An INVITE may be forged, and the victim whose address it names must not get many
        packets.
        """
        return 16 * self.t1

    def pauses(self, until: float) -> Iterator[float]:
        """The pauses after each transmission, for ``until`` seconds in all."""
        pause, waited = self.t1, 0.0
        while waited + pause < until:
            yield pause
            waited += pause
            pause = min(2 * pause, self.t2)
        yield until - waited
