"""The HTTP side: routes, who may come in, and the order in which things start and end."""

from __future__ import annotations

import asyncio
import hmac
import importlib.metadata
import logging
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler

from tts_server.api.errors import error_response
from tts_server.api.openai_api import OpenAiApi
from tts_server.metrics import CONTENT_TYPE, Metrics
from tts_server.speaking.notices import tell_client
from tts_server.speaking.speech import Speech
from tts_server.speaking.stream import SpeechStream
from tts_server.speaking.warm_up import warm_up

MAX_CONNECTIONS = 64
MAX_WEBSOCKET_BYTES = 1024 * 1024
"""A longer message closes the connection; one that is shorter but longer than the protocol allows gets an error."""
KEEPALIVE_SECONDS = 20
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_log = logging.getLogger(__name__)


class SpeechServer:
    """The speech server over one engine. ``application`` may be served by any aiohttp runner.

    It answers from the start, with 503 until :meth:`load` is done. ``token``, where there is one, must be sent by
    every client, for everything but ``/health``.
    """

    def __init__(
        self,
        token: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._clock = clock
        self._metrics = Metrics()
        self._speech: Speech | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.application = web.Application(middlewares=[self._admit])
        self.application.add_routes(
            [
                web.get("/ws/stream", self._stream),
                web.post("/v1/audio/speech", OpenAiApi(self._ready).speech),
                web.get("/health", self._health),
                web.get("/metrics", self._show_metrics),
            ]
        )
        self.application.on_shutdown.append(self._disconnect_all)
        self.application.on_cleanup.append(self._unload)

    async def load(self, create: Callable[[], Speech]) -> Speech:
        """Make the voice, in a thread, and let every engine that needs no loading say its first word to nobody.

        Raises:
            EngineError: an engine can't be made, or can't speak.
            UnknownVoiceError: it has no voice as the settings name.
        """
        speech = await asyncio.to_thread(create)
        try:
            await warm_up(speech)
        except BaseException:
            await speech.close()
            raise
        self._speech = speech
        return speech

    async def _unload(self, _: web.Application) -> None:
        if self._speech:
            await self._speech.close()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/health":
            return await handler(request)
        if self._token is None:
            # Any web page that somebody on this machine looks at could otherwise connect.
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).hostname not in _LOOPBACK_NAMES:
                return error_response(403, "pages from elsewhere may not use this server unless TTS_TOKEN is set")
        elif not self._is_known(request):
            return error_response(
                401,
                "the token is missing or wrong: send TTS_TOKEN as 'Authorization: Bearer …' or '?token=…'",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    def _is_known(self, request: web.Request) -> bool:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        return hmac.compare_digest(given.encode(errors="replace"), (self._token or "").encode())

    def _ready(self) -> Speech:
        if self._speech is None:
            raise web.HTTPServiceUnavailable(text="the voice is still loading", headers={"Retry-After": "1"})
        return self._speech

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        speech = self._ready()
        if len(self._connections) >= MAX_CONNECTIONS:
            raise web.HTTPServiceUnavailable(text=f"there are {MAX_CONNECTIONS} connections already")
        # Compression would cost time and gain little on float samples.
        websocket = web.WebSocketResponse(compress=False, max_msg_size=MAX_WEBSOCKET_BYTES, timeout=1.0)
        await websocket.prepare(request)
        _keep_alive(request)
        stream = SpeechStream(websocket, speech, self._metrics, self._clock)
        wants_notices = request.query.get("notices") == "true"
        serve = _with_notices(stream, speech, websocket) if wants_notices else stream.run()
        serving = asyncio.create_task(serve, name="stream")
        self._connections.add(serving)
        self._metrics.connections += 1
        try:
            await asyncio.wait([serving])
        finally:
            self._connections.discard(serving)
            self._metrics.connections -= 1
            serving.cancel()
        await websocket.close(code=_close_code(serving))
        return websocket

    async def _health(self, _: web.Request) -> web.Response:
        speech = self._speech
        body = {
            "ready": speech is not None,
            "engine": speech.engine_name if speech else None,
            "speaking": speech.speaking_engine if speech else None,
            "state": speech.state().reason if speech else "loading",
            "loading": speech.residency.progress if speech else None,
            "connections": self._metrics.connections,
            "version": _version(),
        }
        return web.json_response(body, status=200 if speech else 503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition().encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _disconnect_all(self, _: web.Application) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _with_notices(stream: SpeechStream, speech: Speech, websocket: web.WebSocketResponse) -> None:
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(tell_client(speech.notices, speech.state(), websocket), name="notices")
        await stream.run()
        telling.cancel()


def _close_code(served: asyncio.Task[None]) -> WSCloseCode:
    """Why the connection ends, now that nobody serves it any more."""
    if served.cancelled():
        return WSCloseCode.GOING_AWAY
    error = served.exception()
    if error is None:
        return WSCloseCode.OK
    if isinstance(error, BaseExceptionGroup) and error.split(ConnectionError)[1] is None:
        _log.info("A client went away")
    else:
        _log.error("A connection failed", exc_info=error)
    return WSCloseCode.INTERNAL_ERROR


def _keep_alive(request: web.Request) -> None:
    """Let the kernel find out when the client's machine is gone.

    WebSocket pings can't: a client that plays as it reads answers them only when it gets there.
    """
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _version() -> str:
    try:
        return importlib.metadata.version("seiyuu")
    except importlib.metadata.PackageNotFoundError:
        return "development"
