"""The limit of attempts to guess the token, per client."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bot.http.clients import client_of, distant_client
from web_access.rate_limit import ClientRateLimit

CLIENTS_OF_A_PROXY = 4
"""All clients behind one proxy may together make as many attempts as this many clients."""


class GuessLimit:
    """Admits ``per_minute`` attempts of one client in a minute. Use it only on the event loop.

    The clients of a proxy on this machine are told apart by the addresses that the proxy names. But any program of this
    machine may claim to be a proxy, and a proxy may pass on an address that a client has made up. So there is a limit
    for the whole proxy too.

    Args:
        per_minute: the largest number of attempts of one client in a minute.
        clock: returns monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._clients = ClientRateLimit(per_minute, clock)
        self._peers = ClientRateLimit(per_minute * CLIENTS_OF_A_PROXY, clock)

    def take(self, request: web.Request) -> float:
        """Count an attempt. Returns 0 if it is admitted, otherwise the seconds until one would be admitted."""
        if not (seconds := self.delay(request)):
            self._clients.take(_client(request))
            self._peers.take(client_of(request))
        return seconds

    def delay(self, request: web.Request) -> float:
        """The seconds until an attempt would be admitted; 0 if it would be admitted now. No attempt is counted."""
        return max(self._clients.delay(_client(request)), self._peers.delay(client_of(request)))


def _client(request: web.Request) -> str:
    return distant_client(request) or client_of(request)
