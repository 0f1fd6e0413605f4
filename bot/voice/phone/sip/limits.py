"""Limits the messages and phone calls that are taken in a minute."""

from __future__ import annotations

from collections.abc import Callable

from web_access.rate_limit import ClientRateLimit

MESSAGES, MESSAGES_OF_ALL = 1200, 6000
"""Maximum numbers of messages that are read in a minute: of one host, and of all strangers together.

Strangers are all hosts that have no phone call and are not the PBX.
"""
INVITES = 30
"""Maximum number of phone calls of one host in a minute. Further ones are refused."""
_ALL = "all"
LOG_EVERY = 60.0
"""Seconds between two lines in the log about what strangers send."""


class MessageLimits:
    """The limits of one endpoint. Use it on the event loop.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._messages, self._invites = ClientRateLimit(MESSAGES, clock), ClientRateLimit(INVITES, clock)
        self._clock, self._logged_at = clock, clock() - LOG_EVERY
        self._all_messages = ClientRateLimit(MESSAGES_OF_ALL, clock)

    def admit_message(self, host: str, *, known: bool) -> bool:
        """Count a message. Returns whether it may be read.

        Args:
            known: whether the host has a phone call or is the PBX.
        """
        return not self._messages.take(host) and (known or not self._all_messages.take(_ALL))

    def admit_call(self, host: str) -> bool:
        """Count a phone call. Returns whether it may be taken."""
        return not self._invites.take(host)

    def admit_log(self) -> bool:
        """Whether a line about what strangers send may be logged now."""
        now = self._clock()
        if now - self._logged_at < LOG_EVERY:
            return False
        self._logged_at = now
        return True
