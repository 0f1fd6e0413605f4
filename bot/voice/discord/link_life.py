"""The rule that finds a voice connection which is open but carries nothing any more.

It is pure: events in, verdicts out, with the time of a given clock.

A channel in which nobody speaks carries no voice packets, so their absence says nothing. What shows life is this:

- The voice gateway answers each heartbeat, which discord.py sends every 5 s at least. Discord's protocol demands this.
  If nothing comes from the gateway for :data:`SILENCE_LIMIT`, the connection is dead.
- On the path of the voice packets (UDP), the bot asks for its own address now and then when nothing comes
  (IP discovery). Discord answers this question while the bot connects, but promises no answer later. So silence on
  this path counts only once such a question was answered on the same connection, and it never ends a call.
- The voice gateway says who begins to speak. If no packet follows, the path is dead, even if it has never answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

SILENCE_LIMIT = 27.0
"""Seconds without a sign of life after which a connection is dead: five heartbeats without an answer.

After 30 s discord.py itself makes the connection anew, again and again, and nobody would know that it was in vain.
"""
PROBE_AFTER, PROBE_INTERVAL = 10.0, 5.0
"""Seconds without a datagram after which the bot asks for its address, and between two such questions."""
MIN_PROBES = 3
"""Number of questions that must have stayed without an answer before the path counts as dead."""
UNHEARD_LIMIT = 10.0
"""Seconds without a datagram after which somebody who has begun to speak is not heard. Usually, packets follow at
once.
"""
PAUSE = 1.0
"""A message that somebody begins to speak counts only if no datagram has come for this many seconds. Sooner after a
datagram, it may be a late message about speech that is over.
"""
HEALED_FOR = 120.0
"""A connection that is dead again within this many seconds after it was made anew is given up."""
PATH_HEALED_FOR = 600.0
"""Within this many seconds, the connection is made anew at most once because of the path of the voice packets."""
MAX_STEP = 5.0
"""Largest number of seconds between two steps. If there were more, the whole process stood still, and no sign of life
could be noticed."""


class Verdict(Enum):
    """What is to be done with the connection."""

    ALIVE = auto()
    PROBE = auto()
    """It may be dead: ask for the bot's address over UDP."""
    HEAL = auto()
    """It is dead: make it anew."""
    NO_PACKETS = auto()
    """No voice packets come any more: tell people, and make it anew."""
    GIVE_UP = auto()
    """It is dead again soon after it was made anew: end the call."""


class LinkLife:
    """The signs of life of one voice link, over all its connections.

    :meth:`datagram_came` may be called from any thread, everything else on the event loop.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._healed_at: float | None = None
        self._path_healed_at: float | None = None
        self._stepped_at = clock()
        self.connected()

    def connected(self) -> None:
        """A connection was made."""
        now = self._clock()
        self._gateway_at = self._datagram_at = self._probed_at = now
        self._announced_at: float | None = None
        self._unanswered = 0
        self._path_answers = False

    def gateway_spoke(self) -> None:
        """A message came from the voice gateway, such as the answer to a heartbeat."""
        self._gateway_at = self._clock()

    def somebody_speaks(self) -> None:
        """The voice gateway has said that a person begins to speak, so that their packets must come."""
        now = self._clock()
        if self._announced_at is None and now - self._datagram_at >= PAUSE:
            self._announced_at = now

    def datagram_came(self, *, answer: bool = False) -> None:
        """A datagram came from the voice server. ``answer``: whether it answers the bot's question for its address."""
        self._datagram_at = self._clock()
        self._announced_at = None
        self._unanswered = 0
        self._path_answers = self._path_answers or answer

    def step(self, *, people: bool) -> Verdict:
        """Judge the connection. Call this at least every :data:`MAX_STEP` seconds.

        Args:
            people: whether anybody is in the call. A call without people ends by itself.
        """
        now = self._clock()
        stalled = now - self._stepped_at > MAX_STEP
        self._stepped_at = now
        if stalled or not people:
            self._gateway_at = self._datagram_at = now
            self._announced_at = None
            self._unanswered = 0
            return Verdict.ALIVE
        if now - self._gateway_at >= SILENCE_LIMIT:
            return self._heal(now)
        if self._path_is_dead(now):
            if self._path_healed_at is None or now - self._path_healed_at >= PATH_HEALED_FOR:
                self._path_healed_at = now
                return Verdict.NO_PACKETS
            return Verdict.ALIVE
        if now - self._datagram_at >= PROBE_AFTER and now - self._probed_at >= PROBE_INTERVAL:
            self._probed_at = now
            self._unanswered += 1
            return Verdict.PROBE
        return Verdict.ALIVE

    def _path_is_dead(self, now: float) -> bool:
        if self._unanswered < MIN_PROBES:
            return False
        unheard = self._announced_at is not None and now - self._announced_at >= UNHEARD_LIMIT
        return unheard or (self._path_answers and now - self._datagram_at >= SILENCE_LIMIT)

    def _heal(self, now: float) -> Verdict:
        """Have a dead connection made anew, or given up if that was done a short time ago."""
        again = self._healed_at is not None and now - self._healed_at < HEALED_FOR
        self._healed_at = now
        return Verdict.GIVE_UP if again else Verdict.HEAL
