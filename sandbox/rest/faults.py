"""Faults of the REST API: rate limits, errors and delays for the next requests of a route, and lasting quotas."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.rest.context import Handler, json_response

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class _Rule:
    route: re.Pattern[str]
    left: int
    act: Callable[[], Awaitable[web.Response | None]]


@dataclass(slots=True)
class _Quota:
    """A number of requests in a period, counted for each path by itself."""

    route: re.Pattern[str]
    requests: int
    seconds: float
    taken: dict[str, tuple[float, int]] = field(default_factory=dict)
    """By path: when its current period ends, and how many requests have come in this period."""

    def take(self, path: str, now: float) -> tuple[bool, dict[str, str]]:
        """Count a request. Returns whether it is within the quota, and the headers that say what is left of it."""
        ends, count = self.taken.get(path, (0.0, 0))
        if now >= ends:
            ends, count = now + self.seconds, 0
        self.taken[path] = (ends, count + 1)
        return count < self.requests, {
            "X-RateLimit-Limit": str(self.requests),
            "X-RateLimit-Remaining": str(max(0, self.requests - count - 1)),
            "X-RateLimit-Reset-After": f"{ends - now:.3f}",
        }


class RestFaults:
    """Makes requests of chosen routes fail or wait.

    A route is the method and the path without ``/api/v10``, such as ``"POST /channels/*/messages"``. ``*`` stands for
    one part of the path, ``**`` for any number of parts.

    Attributes:
        refused: how many requests were beyond a quota; see :meth:`quota`.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._quotas: list[_Quota] = []
        self.refused = 0

    def rate_limit(self, route: str, *, times: int, retry_after: float, for_all_routes: bool = False) -> None:
        """Answer the next ``times`` requests with 429. The client has to wait ``retry_after`` seconds."""

        async def refuse() -> web.Response:
            return _too_many(retry_after, for_all_routes=for_all_routes)

        self._add(route, times, refuse)

    def quota(self, route: str, *, requests: int, seconds: float) -> None:
        """Limit the requests in a period, as Discord does, and say in each answer how many are left.

        The limit lasts until :meth:`clear`. Each path has a quota of its own. Discord allows five messages in five
        seconds in a channel.
        """
        self._quotas.append(_Quota(_pattern(route), requests, seconds))

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
        self._quotas.clear()

    @property
    def pending(self) -> int:
        """The number of requests that are still to fail or wait."""
        return sum(rule.left for rule in self._rules)

    def _add(self, route: str, times: int, act: Callable[[], Awaitable[web.Response | None]]) -> None:
        self._rules.append(_Rule(_pattern(route), times, act))

    @property
    def middleware(self) -> Middleware:
        """The middleware that applies the faults to an application's requests."""

        @web.middleware
        async def apply_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = f"{request.method} /{request.path.split('/', 3)[-1]}"
            for rule in [each for each in self._rules if each.route.fullmatch(route)]:
                rule.left -= 1
                if rule.left <= 0:
                    self._rules.remove(rule)
                response = await rule.act()
                if response is not None:
                    return response
            left = NO_HEADERS
            for quota in [each for each in self._quotas if each.route.fullmatch(route)]:
                allowed, left = quota.take(route, time.monotonic())
                if not allowed:
                    self.refused += 1
                    return _too_many(float(left["X-RateLimit-Reset-After"]), for_all_routes=False, headers=left)
            answer = await handler(request)
            answer.headers.update(left)
            return answer

        return apply_faults


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.escape(route).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\ ", " "))


def _too_many(retry_after: float, *, for_all_routes: bool, headers: Mapping[str, str] = NO_HEADERS) -> web.Response:
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": for_all_routes}
    response = json_response(body, 429)
    # Without the Via header, discord.py treats a 429 as a ban by Cloudflare.
    response.headers.update({"Via": "1.1 sandbox", "Retry-After": str(max(1, round(retry_after))), **headers})
    return response
