"""A relay between the bot and a real speech server. It records the speech parameters for which the bot asks."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from tests.http_server import LocalServer, app_of
from wire.messages import Speak, parse_client
from wire.parameters import SpeechParameters


class RecordedVoice(LocalServer):
    """The relay, an async context manager.

    ``replies`` has the speech parameters of each reply's first message, by reply, oldest first.
    """

    def __init__(self, behind: str) -> None:
        self._behind = URL(behind)
        app = app_of(self._behind.path, self._relay, method="GET")
        super().__init__(app, self._behind.path, scheme=self._behind.scheme)
        self.replies: dict[str, SpeechParameters] = {}

    @property
    def last(self) -> SpeechParameters:
        """The speech parameters of the last reply."""
        return list(self.replies.values())[-1]

    async def _relay(self, request: web.Request) -> web.WebSocketResponse:
        bot = web.WebSocketResponse(compress=False)
        await bot.prepare(request)
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(self._behind.update_query(request.query), max_msg_size=0) as server,
        ):
            answers = asyncio.create_task(self._answer(server, bot))
            try:
                async for message in bot:
                    if message.type is WSMsgType.TEXT:
                        self._note(message.data)
                        await server.send_str(message.data)
            finally:
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
        return bot

    @staticmethod
    async def _answer(server: aiohttp.ClientWebSocketResponse, bot: web.WebSocketResponse) -> None:
        async for message in server:
            if message.type is WSMsgType.BINARY:
                await bot.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                await bot.send_str(message.data)
        await bot.close()

    def _note(self, raw: str) -> None:
        message = parse_client(raw)
        if isinstance(message, Speak) and message.reply is not None:
            self.replies.setdefault(message.reply, message.parameters)
