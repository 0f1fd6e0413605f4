"""How much of a reply's sound people have heard, by the reports of the client that plays it."""

from __future__ import annotations

from collections.abc import Callable

from audio.samples import SPEAKING_RATE

REPORT_INTERVAL = 0.5
"""Longest time between two reports of a client that plays, in seconds.

If the next report takes longer, no more sound counts as heard until it comes.
"""


class PlayedReports:
    """The reports of one client. Use it on the event loop.

    A client that never reports counts as one that plays sound as soon as it is due.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reports = False
        self._reply = ""
        self._samples = 0.0
        self._at = 0.0

    def reset(self) -> None:
        """Forget everything, since another client plays from now on."""
        self._reports, self._reply, self._samples = False, "", 0.0

    def began(self, reply: str) -> None:
        """Record that the sound of a reply begins to be sent."""
        self._reply, self._samples, self._at = reply, 0.0, self._clock()

    def report(self, reply: str, ms: float) -> None:
        """Record that ``ms`` milliseconds of a reply have been played. Reports about earlier replies are ignored."""
        self._reports = True
        if reply == self._reply:
            self._samples, self._at = max(self._samples, ms * SPEAKING_RATE / 1000), self._clock()

    def heard(self, reply: str, sent: int) -> int:
        """How many of the ``sent`` samples (48,000 Hz) of a reply have been heard. At most ``sent``."""
        if reply != self._reply:
            return sent
        since = self._clock() - self._at
        if self._reports:
            since = min(since, REPORT_INTERVAL)
        return min(sent, int(self._samples + since * SPEAKING_RATE))
