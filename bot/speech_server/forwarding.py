"""Passes requests of other programs on to the speech server, and its answers back, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from bot.network_errors import network_error_text
from bot.redirects import is_redirect
from bot.speech_server.address import ServerAddress
from bot.speech_server.errors import VoiceAwayError, VoiceLimitError
from bot.speech_server.refusals import reason_and_code
from bot.speech_server.servers import SpeechServers
from wire.headers import costs_money

CONNECT_LIMIT = 5.0
"""Seconds for connecting to the server."""
SILENCE_LIMIT = 150.0
"""Seconds without data after which a request fails. The server itself gives up after 120 s."""
MAX_BYTES = 128 << 20
"""Maximum number of bytes of an answer: 23 minutes of sound at 48,000 Hz."""
MAX_ERROR_BYTES = 64 << 10
MAX_REASON = 300
SPEAKS_ONLY_IN_CALLS = "it sends bare sound over its WebSocket (?protocol=plain) and has no such API"


class ForwardedAnswer:
    """An answer of the speech server, whose body is not read yet.

    Attributes:
        server: the server that answers.
        status: the HTTP status.
        content_type: the content type with its parameters.
    """

    def __init__(self, server: ServerAddress, response: aiohttp.ClientResponse) -> None:
        self.server = server
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "application/octet-stream")
        self._response = response

    @property
    def costs_money(self) -> bool:
        """Whether the server says that what it speaks costs money."""
        return costs_money(self._response.headers)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server wants to be asked again; ``None`` if it names none."""
        told = self._response.headers.get("Retry-After", "")
        return float(told) if told.isascii() and told.isdigit() and len(told) < 6 else None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives; raises :class:`VoiceAwayError`."""
        count = 0
        try:
            async for piece in self._response.content.iter_any():
                count += len(piece)
                if count > MAX_BYTES:
                    raise VoiceAwayError("its answer never ends")
                yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise VoiceAwayError(f"its answer broke off ({network_error_text(error)})") from error

    async def reason(self) -> tuple[str, str | None]:
        """The message and the code of an error answer; "" and ``None`` if it has none; raises `VoiceAwayError`."""
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > MAX_ERROR_BYTES:
                return "", None
        return reason_and_code(bytes(body))


class SpeechForwarding:
    """Passes requests on to the speech server, with the bot's own token.

    Args:
        http: session for the requests. The caller closes it.
        servers: the servers, of which the current one is asked.
    """

    def __init__(self, http: aiohttp.ClientSession, servers: SpeechServers) -> None:
        self._http = http
        self._servers = servers

    @property
    def _address(self) -> ServerAddress:
        return next(iter(self._servers.current_first()))

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ForwardedAnswer]:
        """Send a request. Leaving the block closes the connection, so that the server stops working.

        Args:
            path: the path on the server, such as ``/v1/models``.
            body: fields that are sent as JSON.

        Raises:
            VoiceAwayError: the server can't be reached, or refuses the bot itself.
            VoiceLimitError: the server costs money, and today's limit is reached.
        """
        if body is not None:
            await self._servers.prepare()
            if (why := self._servers.refusal()) is not None:
                raise VoiceLimitError(why)
        # The current server may change while this one answers.
        server = self._address
        if server.plain:
            raise VoiceAwayError(SPEAKS_ONLY_IN_CALLS)
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_LIMIT, sock_read=SILENCE_LIMIT)
        url = server.http(path)
        try:
            response = await self._http.request(
                method, url, json=body, headers=server.headers, timeout=timeout, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VoiceAwayError(f"it can't be reached ({network_error_text(error)})") from error
        try:
            if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise VoiceAwayError(f"it does not accept TTS_TOKEN (status {response.status})")
            if is_redirect(response.status):
                raise VoiceAwayError("it redirects us elsewhere")
            yield ForwardedAnswer(server, response)
        finally:
            response.close()
