"""A proxy between the page and the bot that delays some of the bot's messages, as a network does."""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import WSMessage, WSMsgType, web

from config.tasks import end_tasks

LATE_SECONDS = 0.05


class LateProxy:
    """Passes on the page's files and the messages of its socket. Use it as an async context manager.

    A message that is late holds up those behind it, as on a TCP connection: none overtakes another.

    Args:
        share: the share of the bot's messages that are :data:`LATE_SECONDS` late, from 0 to 1.
        seed: decides which messages are late.

    Attributes:
        messages: the number of the bot's messages so far.
        late: how many of them were held up for :data:`LATE_SECONDS`.
        sound: the sound in them. Whoever measures it may clear it.
    """

    def __init__(self, share: float, seed: int) -> None:
        self.messages = 0
        self.late = 0
        self.sound = bytearray()
        self._share = share
        self._random = random.Random(seed)
        self._target = ""
        app = web.Application()
        app.add_routes([web.get("/ws/chat", self._chat), web.get("/{path:.*}", self._file)])
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        await self._runner.setup()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        await self._runner.cleanup()

    async def address_for(self, url: str) -> str:
        """Begin to serve the page at ``url``. Returns the proxy's address for it."""
        self._target = url.rstrip("/")
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    async def _file(self, request: web.Request) -> web.Response:
        async with self._client.get(f"{self._target}{request.path}") as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type",) if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _chat(self, request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse()
        await page.prepare(request)
        async with self._client.ws_connect(f"{self._target}/ws/chat", origin=self._target) as bot:
            due: asyncio.Queue[tuple[float, WSMessage] | None] = asyncio.Queue()
            sending = asyncio.create_task(_send(due, page), name="late messages")
            receiving = asyncio.create_task(self._receive(bot, due), name="messages of the bot")
            try:
                async for message in page:
                    await _pass_on(message, bot)
            finally:
                await end_tasks(receiving, sending)
        return page

    async def _receive(
        self, bot: aiohttp.ClientWebSocketResponse, due: asyncio.Queue[tuple[float, WSMessage] | None]
    ) -> None:
        loop = asyncio.get_running_loop()
        async for message in bot:
            is_late = self._random.random() < self._share
            self.messages += 1
            self.late += is_late
            if message.type is WSMsgType.BINARY:
                self.sound += message.data
            due.put_nowait((loop.time() + LATE_SECONDS * is_late, message))
        due.put_nowait(None)


async def _send(due: asyncio.Queue[tuple[float, WSMessage] | None], page: web.WebSocketResponse) -> None:
    loop = asyncio.get_running_loop()
    while (waiting := await due.get()) is not None:
        at, message = waiting
        if (wait := at - loop.time()) > 0:
            await asyncio.sleep(wait)
        await _pass_on(message, page)
    await page.close()


async def _pass_on(message: WSMessage, to: web.WebSocketResponse | aiohttp.ClientWebSocketResponse) -> None:
    if message.type is WSMsgType.BINARY:
        await to.send_bytes(message.data)
    elif message.type is WSMsgType.TEXT:
        await to.send_str(message.data)
