"""``WS /ws/chat``: accepts the sockets of clients, and passes their messages to the service for browser calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import aiohttp
from aiohttp import web

from bot.browser_calls import BrowserCalls
from bot.browser_tab import Tab
from bot.http.queued_client import MAX_ERRORS, TOO_MANY_ERRORS, QueuedClient
from bot.voice.browser.client_messages import MAX_MESSAGE, MAX_SMALL_MESSAGE, MessageError, checked_sound, parse_client
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure
from web_access.socket_messages import TOO_MANY_MESSAGES, MessageRate

CHAT_PATH = "/ws/chat"


class ChatSocket:
    """The ``/ws/chat`` endpoint. Requests that may not use the server never arrive here.

    Args:
        calls: the service for browser calls.
        clock: returns monotonic seconds.
    """

    def __init__(self, calls: BrowserCalls, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._clock = clock

    @property
    def routes(self) -> Iterable[web.RouteDef]:
        """The route of this endpoint."""
        return [web.get(CHAT_PATH, self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        client = await QueuedClient.open(request, MAX_MESSAGE)
        await self._talk(client)
        return client.websocket

    async def _talk(self, client: QueuedClient) -> None:
        """Talk with a client until one side closes the socket."""
        tab = self._calls.connect(client)
        try:
            async with client.sending():
                await self._receive(client, tab)
        finally:
            tab.gone()

    async def _receive(self, client: QueuedClient, tab: Tab) -> None:
        rate, errors = MessageRate(self._clock), 0
        while (received := await client.receive()) is not None:
            if not rate.take():
                client.send(Failure(ErrorCode.SLOW_DOWN, TOO_MANY_MESSAGES))
                client.close(CloseCode.POLICY, TOO_MANY_MESSAGES)
                return
            try:
                await self._pass_on(received, tab)
                errors = 0
            except MessageError as error:
                client.send(Failure(error.code, str(error)))
                errors += 1
                if errors > MAX_ERRORS:
                    client.close(CloseCode.POLICY, TOO_MANY_ERRORS)

    @staticmethod
    async def _pass_on(received: aiohttp.WSMessage, tab: Tab) -> None:
        """Pass a message on; raises :class:`MessageError`."""
        if received.type is aiohttp.WSMsgType.BINARY:
            tab.hear(checked_sound(received.data))
        elif received.type is aiohttp.WSMsgType.TEXT:
            long = len(received.data) > MAX_SMALL_MESSAGE
            message = await asyncio.to_thread(parse_client, received.data) if long else parse_client(received.data)
            await tab.receive(message)
