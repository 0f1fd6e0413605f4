"""The model's reply as a stream of text: one HTTP request, server-sent events, closed the moment nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.llm.check import ServerReport, check_server
from bot.llm.errors import ModelErrorKind
from bot.llm.failures import model_error, refusal, too_late, unreachable
from bot.llm.messages import ChatMessage
from bot.llm.options import ModelOptions
from bot.llm.reply import ReplyReader
from bot.llm.requests import reply_body, reply_url
from bot.llm.thinking import ThinkingFilter

_log = logging.getLogger(__name__)

_KEEP_WARM = 600.0


class ModelClient:
    """One model server, asked for replies. Make it and use it on one event loop; ``close`` it at the end.

    The connection stays open between replies, so that a reply does not begin with a handshake. Replies may overlap.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a reply still streaming ends with an error. Closing twice is fine."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def check(self) -> ServerReport:
        """Ask the server whether it is up and which models it has; leaves a warm connection. Never raises."""
        return await check_server(self._connections(), self.options)

    async def warm_up(self, messages: Sequence[ChatMessage], *, model: str | None = None) -> None:
        """Have the server read ``messages`` and say one token, so that its prompt cache knows them before it matters.

        ``model`` asks the server for another model than the options do.

        Raises:
            ModelError: the server failed us, as it would have failed the first reply.
        """
        begin_by = asyncio.get_running_loop().time() + self.options.first_token_timeout
        response = await self._open(reply_body(replace(self._asking(model), max_tokens=1), messages), begin_by)
        try:
            reader = ReplyReader(response, self.options, begin_by)
            while (delta := await reader.read()) is not None and not delta.finished:
                pass
            await reader.read_to_end()
        finally:
            response.close()

    async def stream(self, messages: Sequence[ChatMessage], *, model: str | None = None) -> AsyncGenerator[str, None]:
        """Ask for a reply to ``messages`` and yield its text, piece by piece, without the model's thoughts.

        ``model`` asks the server for another model than the options do.

        Closing the generator (``contextlib.aclosing``), or cancelling the task that reads it, hangs up at once, which
        frees the server's slot. The reply is whole when the server marks its end; a stream that simply ends after
        some text is taken as whole too, since small servers leave the mark out, and is logged.

        Raises:
            ModelError: no reply, or no more of it; what was yielded before stands.
        """
        begin_by = asyncio.get_running_loop().time() + self.options.first_token_timeout
        response = await self._open(reply_body(self._asking(model), messages), begin_by)
        try:
            reader = ReplyReader(response, self.options, begin_by)
            thinking = ThinkingFilter()
            spoke = finished = False
            while not finished and (delta := await reader.read()) is not None:
                finished = delta.finished
                piece = thinking.feed(delta.text) + (thinking.finish() if finished else "")
                if piece:
                    spoke = True
                    yield piece
            if not finished and (piece := thinking.finish()):
                spoke = True
                yield piece
            self._judge_end(spoke, finished)
            await reader.read_to_end()
        finally:
            # Hangs up, unless the body was read to its end: then the connection is back in the pool already.
            response.close()

    def _asking(self, model: str | None) -> ModelOptions:
        return self.options if model is None else replace(self.options, model=model)

    def _judge_end(self, spoke: bool, finished: bool) -> None:
        if not spoke:
            raise model_error(self.options, ModelErrorKind.EMPTY, "answered without saying anything.")
        if not finished:
            _log.warning("the model server at %s did not mark the end of its reply", self.options.server_name)

    async def _open(self, body: dict[str, Any], begin_by: float) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(begin_by):
                response = await self._post(body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise unreachable(self.options) from error
        except TimeoutError as error:
            raise too_late(self.options) from error
        except (aiohttp.ClientError, OSError) as error:
            raise model_error(self.options, ModelErrorKind.BROKEN, "hung up instead of answering.") from error
        if response.status == HTTPStatus.OK:
            return response
        try:
            raise await refusal(self.options, response, begin_by)
        finally:
            response.close()

    async def _post(self, body: dict[str, Any]) -> aiohttp.ClientResponse:
        url = reply_url(self.options)
        try:
            return await self._connections().post(url, json=body, allow_redirects=False)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # A server may close a kept connection just as we write to it; a new one tells how things really are.
            return await self._connections().post(url, json=body, allow_redirects=False)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            wait = self.options.connect_timeout
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_WARM),
                timeout=aiohttp.ClientTimeout(total=None, connect=wait, sock_connect=wait),
                headers={"Authorization": f"Bearer {self.options.api_key}"} if self.options.api_key else None,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
