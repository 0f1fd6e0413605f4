"""``POST /login {"token"}``: gives a browser a cookie for the token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from bot.http.access import LOGIN, is_same_secret, is_secure
from bot.http.bodies import read_object
from bot.http.cookie import LIFETIME, NAME, CookieSeal
from bot.http.errors import HttpError
from bot.http.guess_limit import GuessLimit

LOGINS_PER_MINUTE = 5
"""Largest number of attempts of one client in a minute."""
_MAX_BYTES = 4096


class Login:
    """The login.

    Args:
        token: the server's token; ``None`` if none is needed, and then every login succeeds.
        seal: makes the cookies; ``None`` without a token.
        clock: returns monotonic seconds.
    """

    def __init__(self, token: str | None, seal: CookieSeal | None, clock: Callable[[], float]) -> None:
        self._token = token
        self._seal = seal
        self._attempts = GuessLimit(LOGINS_PER_MINUTE, clock)

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """The route of the login."""
        return [web.post(LOGIN, self._log_in)]

    async def _log_in(self, request: web.Request) -> web.Response:
        if seconds := self._attempts.take(request):
            message = f"Too many attempts. Try again in {seconds:.0f} s."
            raise HttpError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", message, retry_after=seconds)
        given = (await read_object(request, _MAX_BYTES)).get("token")
        if not isinstance(given, str):
            raise HttpError(HTTPStatus.BAD_REQUEST, "no_token", "The request has to contain the token, as a text.")
        answer = web.Response(status=HTTPStatus.NO_CONTENT)
        if self._token is None or self._seal is None:
            return answer
        if not is_same_secret(given.strip(), self._token.strip()):
            raise HttpError(HTTPStatus.UNAUTHORIZED, "bad_token", "That is not the token.")
        answer.set_cookie(
            NAME,
            self._seal.make(),
            max_age=LIFETIME,
            path="/",
            secure=is_secure(request),
            httponly=True,
            samesite="Strict",
        )
        return answer
