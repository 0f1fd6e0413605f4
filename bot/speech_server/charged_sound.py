"""Charges the sound of replies: once for each reply, when its sound is over."""

from __future__ import annotations

from collections.abc import Callable

from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.events import Disconnected, SegmentAudio, SpeechEvent
from wire.messages import SAMPLE_RATE, Cancelled, Failure, Flushed


class ChargedSound:
    """Adds up the seconds of sound that a server makes for a reply, and charges the sum when no more sound comes.

    Nothing is charged earlier, so that people do not wait for the charging before they hear the first sound.

    Args:
        charge: called with the server, the account and the seconds.
        whose: returns the account to which the sound of the current reply is charged. Called at a reply's first sound.
    """

    def __init__(self, charge: Callable[[ServerAddress, Account, float], None], whose: Callable[[], Account]) -> None:
        self._charge = charge
        self._whose = whose
        self._reply: str | None = None
        self._made: tuple[ServerAddress, Account, float] | None = None

    def came(self, event: SpeechEvent, server: ServerAddress) -> None:
        """Take an event of the server."""
        match event:
            case SegmentAudio(reply, _, samples):
                if self._made is None or reply != self._reply or server is not self._made[0]:
                    self.end()
                    self._reply, self._made = reply, (server, self._whose(), 0.0)
                _, account, seconds = self._made
                self._made = server, account, seconds + len(samples) / SAMPLE_RATE
            case Flushed() | Cancelled() | Failure() | Disconnected():
                self.end()
            case _:
                pass

    def end(self) -> None:
        """Charge the sound that has come for the current reply. No more of it will come."""
        made, self._made = self._made, None
        if made is not None:
            self._charge(*made)
