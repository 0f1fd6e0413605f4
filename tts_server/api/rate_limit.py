"""So many requests a minute for each client, and no more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from tts_server.api.errors import ApiError

MAX_CLIENTS = 4096
"""That are remembered; of more, those that were quiet for longest are forgotten."""


@dataclass(slots=True)
class _Allowance:
    requests: float
    at: float


class RateLimit:
    """Lets each client send ``per_minute`` requests at once, and as many more in every minute.

    A client is an address: the token is the same for all. For the event loop alone.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._clients: OrderedDict[str, _Allowance] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request, and return 0; or, where it is one too many, the seconds until the next may come."""
        now = self._clock()
        allowance = self._clients.setdefault(client, _Allowance(self._per_minute, now))
        self._clients.move_to_end(client)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        earned = (now - allowance.at) * self._per_minute / 60
        allowance.requests = min(self._per_minute, allowance.requests + earned)
        allowance.at = now
        if allowance.requests < 1:
            return (1 - allowance.requests) * 60 / self._per_minute
        allowance.requests -= 1
        return 0.0

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what is too much with 429; what only looks at the server is not counted."""
        if request.path.startswith("/v1/") and (seconds := self.wait(request.remote or "")):
            message = f"more than {self._per_minute} requests a minute; the next in {seconds:.0f} s"
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=seconds).response()
        return await handler(request)
