"""A rate limit per client."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_CLIENTS = 4096
"""Largest number of clients that the rate limit remembers. If there are more, the one with the oldest last request is
forgotten."""


@dataclass(slots=True)
class _Bucket:
    requests: float
    at: float


class ClientRateLimit:
    """Token bucket per client: ``per_minute`` requests at once, refilled within a minute.

    Clients are told apart by address, since all of them send the same access token. Use it only on the event loop.

    Args:
        per_minute: the largest number of requests of one client in a minute.
        clock: returns monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Count a request. Returns 0 if it is admitted, otherwise the seconds until a request would be admitted."""
        seconds = self.delay(client)
        if not seconds:
            self._clients[client].requests -= 1
        return seconds

    def delay(self, client: str) -> float:
        """The seconds until a request would be admitted; 0 if it would be admitted now. No request is counted."""
        now = self._clock()
        bucket = self._clients.setdefault(client, _Bucket(self.per_minute, now))
        self._clients.move_to_end(client)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        earned = (now - bucket.at) * self.per_minute / 60
        bucket.requests = min(self.per_minute, bucket.requests + earned)
        bucket.at = now
        return (1 - bucket.requests) * 60 / self.per_minute if bucket.requests < 1 else 0.0
