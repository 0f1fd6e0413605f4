"""Faults of the REST API: rate limits, server errors and delays, for the next requests of a route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.rest.context import Handler, json_response


@dataclass(slots=True)
class _Rule:
    route: re.Pattern[str]
    left: int
    act: Callable[[], Awaitable[web.Response | None]]


class RestFaults:
    """Makes requests of chosen routes fail or wait.

    A route is the method and the path without ``/api/v10``, such as ``"POST /channels/*/messages"``. ``*`` stands for
    one part of the path, ``**`` for any number of parts.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def rate_limit(self, route: str, *, times: int, retry_after: float, for_all_routes: bool = False) -> None:
        """Answer the next ``times`` requests with 429. The client has to wait ``retry_after`` seconds."""
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": for_all_routes}

        async def refuse() -> web.Response:
            response = json_response(body, 429)
            # Without the Via header, discord.py treats a 429 as a ban by Cloudflare.
            response.headers.update({"Via": "1.1 sandbox", "Retry-After": str(max(1, round(retry_after)))})
            return response

        self._add(route, times, refuse)

    def fail(self, route: str, *, times: int, status: int = 500) -> None:
        """Answer the next ``times`` requests with a server error."""

        async def answer_error() -> web.Response:
            return json_response({"message": f"{status}: Internal Server Error", "code": 0}, status)

        self._add(route, times, answer_error)

    def slow(self, route: str, *, times: int, seconds: float) -> None:
        """Delay the next ``times`` requests by this many seconds."""

        async def delay() -> None:
            await asyncio.sleep(seconds)

        self._add(route, times, delay)

    def clear(self) -> None:
        """Remove all faults."""
        self._rules.clear()

    @property
    def pending(self) -> int:
        """The number of requests that are still to fail or wait."""
        return sum(rule.left for rule in self._rules)

    def _add(self, route: str, times: int, act: Callable[[], Awaitable[web.Response | None]]) -> None:
        pattern = re.escape(route).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\ ", " ")
        self._rules.append(_Rule(re.compile(pattern), times, act))

    @property
    def middleware(self) -> Middleware:
        """The middleware that applies the faults to an application's requests."""

        @web.middleware
        async def apply_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
            path = request.path.split("/", 3)[-1]
            for rule in [each for each in self._rules if each.route.fullmatch(f"{request.method} /{path}")]:
                rule.left -= 1
                if rule.left <= 0:
                    self._rules.remove(rule)
                response = await rule.act()
                if response is not None:
                    return response
            return await handler(request)

        return apply_faults
