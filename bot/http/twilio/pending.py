"""Requests that have not shown yet that they are Twilio's: forms before their signature, sockets before their token."""

from __future__ import annotations

from aiohttp import web

from bot.http.queued_client import break_off

MAX_PENDING = 32
"""Largest number of pending forms, and of pending sockets. A request of Twilio's is pending for milliseconds only."""


class PendingRequests:
    """Pending requests of anybody. If there are too many, the oldest one is broken off.

    All of them, Twilio's too, may come through one proxy, so their addresses don't show whose they are. If the newest
    one were refused instead, a stranger could keep Twilio out with requests that stay pending.

    Args:
        most: the limit.
    """

    def __init__(self, most: int = MAX_PENDING) -> None:
        self._most = most
        self._requests: dict[int, web.Request] = {}

    def add(self, request: web.Request) -> None:
        """Take a request, which stays until :meth:`remove`."""
        self._requests[id(request)] = request
        if len(self._requests) > self._most:
            break_off(self._requests.pop(next(iter(self._requests))))

    def remove(self, request: web.Request) -> None:
        """The request has shown that it is Twilio's, or is over. May be called more than once."""
        self._requests.pop(id(request), None)
