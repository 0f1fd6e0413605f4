"""Who may use the bot's HTTP server: checks of host, origin and token, before any route runs."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.http.cookie import NAME, CookieSeal
from bot.http.errors import HttpError
from bot.http.guess_limit import GuessLimit
from bot.http.refusal import Refusals
from config.addresses import read_origin
from config.sections import WebSettings
from web_access.hosts import host_name, is_safe_name
from web_access.origins import AllowedOrigins, stated_origins

LOGIN = "/login"
WRONG_TOKENS_PER_MINUTE = 30
"""Largest number of wrong tokens of one client in a minute. After that, its tokens are not looked at for a while."""
_FORWARDED_SCHEME = "X-Forwarded-Proto"
_SHOWN = 100


class Access:
    """Admits requests with the token. If no token is set, it admits programs of this machine and allowed web pages.

    Args:
        origins: other web pages that may use the server.
        open_paths: paths that any web page may request, without a token: the files of the bot's page, and ``/health``.
        seal: checks the cookies; ``None`` if there is no token.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        settings: WebSettings,
        origins: AllowedOrigins,
        open_paths: Collection[str],
        seal: CookieSeal | None,
        clock: Callable[[], float],
    ) -> None:
        self._token = settings.token.get_secret_value() if settings.token is not None else None
        self._origins = origins
        self._hosts = origins.hosts
        self._open = frozenset(open_paths)
        self._seal = seal
        self._wrong = GuessLimit(WRONG_TOKENS_PER_MINUTE, clock)
        self._refusals = Refusals()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests that may not use the server, before any handler runs."""
        # A preflight has no token.
        if (answer := self._origins.preflight(request)) is not None:
            return answer
        try:
            self._check(request)
        except HttpError as error:
            return await self._refusals.refuse(request, error)
        return await handler(request)

    def _check(self, request: web.Request) -> None:
        self._check_host(request)
        if request.path in self._open:
            return
        self._check_origin(request)
        # A client without a cookie needs the login, which checks the token itself and limits the number of attempts.
        if self._token is not None and request.path != LOGIN:
            self._check_token(request, self._token)

    def _check_host(self, request: web.Request) -> None:
        """Refuse DNS rebinding: a stranger's page can send requests here if its host name points to this machine.

        With a token, any host name is allowed: a browser sends the cookie only to the name that it was set for.
        """
        hosts = request.headers.getall(hdrs.HOST, [])
        if len(hosts) > 1 or (hosts and host_name(hosts[0]) is None):
            raise HttpError(HTTPStatus.BAD_REQUEST, "bad_host", "The request's Host is not valid.")
        if self._token is None and hosts and not is_safe_name(host_name(hosts[0]), self._hosts):
            message = f"I am not {hosts[0][:_SHOWN]!r}: use 127.0.0.1 or localhost, or set WEB_TOKEN."
            raise HttpError(HTTPStatus.FORBIDDEN, "bad_host", message)

    def _check_origin(self, request: web.Request) -> None:
        for origin in stated_origins(request):
            if not self._origins.allow(origin) and not is_same_origin(request, origin):
                message = (
                    f"The page {origin[:_SHOWN]!r} may not use me unless WEB_ALLOWED_ORIGINS names it. If it is my own "
                    "page behind a proxy, the proxy has to pass the Host header on."
                )
                raise HttpError(HTTPStatus.FORBIDDEN, "bad_origin", message)

    def _check_token(self, request: web.Request, token: str) -> None:
        if self._seal is not None and self._seal.is_valid(request.cookies.get(NAME, "")):
            return
        scheme, _, credentials = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            if (seconds := self._wrong.delay(request)) > 0:
                message = f"Too many wrong tokens. Try again in {seconds:.0f} s."
                raise HttpError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_tokens", message, retry_after=seconds)
            if is_same_secret(credentials.strip(), token):
                return
            self._wrong.take(request)
        message = "The token is missing or wrong: send WEB_TOKEN as 'Authorization: Bearer …', or to POST /login."
        raise HttpError(
            HTTPStatus.UNAUTHORIZED, "bad_token", message, headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="Seiyuu"'}
        )


def is_same_secret(given: str, secret: str) -> bool:
    """Compare in a time that does not depend on how many characters are equal. ``given`` may be any text."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), secret.encode())


def is_same_origin(request: web.Request, origin: str) -> bool:
    """Whether a page of this origin was served by this server, under the host name in the request."""
    try:
        given = read_origin(origin)
        scheme = given.partition("://")[0]
        own = read_origin(f"{scheme}://{request.headers.get(hdrs.HOST, '')}")
    except ValueError:
        return False
    # If a proxy names the scheme, the page must have this scheme, so that a page over http can't use the server over
    # https. If no proxy names it, the page may have either scheme.
    outside = forwarded_scheme(request)
    return given == own and scheme in (("http", "https") if outside is None else (outside,))


def is_secure(request: web.Request) -> bool:
    """Whether the client's connection is encrypted. If a proxy names its scheme, this scheme counts."""
    return (forwarded_scheme(request) or request.scheme) == "https"


def forwarded_scheme(request: web.Request) -> str | None:
    """The scheme of the request that a proxy has received; ``None`` if no proxy names it."""
    told = request.headers.get(_FORWARDED_SCHEME, "").partition(",")[0].strip().lower()
    return told or None
