"""``POST /admin/tts/stream`` and the WebSocket ``/admin/tts/ws/stream``: speech for telephones, as clients of another
program, AI Secretary, ask for it.

The fields are those of ``POST /v1/audio/speech`` under other names, and the sound is made in the same way.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, web

from config.tasks import end_tasks
from tts_server.api.errors import ApiError, unavailable
from tts_server.api.openai_api import OpenAiApi
from tts_server.api.speech_output import EncodedSound, ResponseSteps, SpokenText, next_piece
from tts_server.api.speech_request import MAX_BODY_BYTES, SpeechRequest, parse_object, read_fields
from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from web_access.socket_messages import TOO_MANY_MESSAGES, ClientMessages, read_in_small_pieces

MAX_CONNECTIONS = 16
"""Largest number of WebSockets at once."""
MAX_WAITING = 16
"""Largest number of texts that wait on one WebSocket."""
CLOSE_LIMIT = 1.0
"""Seconds for closing a WebSocket."""
NAMES: Mapping[str, str] = MappingProxyType(
    {"text": "input", "target_sample_rate": "sample_rate", "output_format": "response_format"}
)
"""The names of the fields, and what ``POST /v1/audio/speech`` calls them."""
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ("mp3", "opus", "aac", "flac", "wav", "pcm", "g711_alaw", "g711_ulaw")},
        "pcm16": "pcm",
        "alaw": "g711_alaw",
        "ulaw": "g711_ulaw",
    }
)
"""The names of the formats, and what ``POST /v1/audio/speech`` calls them."""

_log = logging.getLogger(__name__)


def read_request(raw: bytes) -> SpeechRequest:
    """Parse and check a request; raises :class:`ApiError`, with the names that the client knows."""
    body = parse_object(raw)
    form = body.get("output_format", "pcm16")
    if form is None:
        form = "pcm16"
    if not isinstance(form, str) or form not in FORMATS:
        raise ApiError(400, f"output_format must be one of {', '.join(FORMATS)}", "output_format")
    if "text" not in body:
        raise ApiError(400, "the field text is missing: it is the text to speak", "text")
    own = {theirs: body[ours] for ours, theirs in NAMES.items() if ours in body}
    others = {name: value for name, value in body.items() if name not in {*NAMES.values(), "stream_format"}}
    try:
        return read_fields({**others, **own, "response_format": FORMATS[form]})
    except ApiError as error:
        known = {theirs: ours for ours, theirs in NAMES.items()}
        name = known.get(error.parameter or "")
        if name is None:
            raise
        text = str(error).replace(error.parameter or "", name)
        raise ApiError(error.status, text, name, error.code) from None


class SecretaryApi:
    """Both endpoints.

    Args:
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
        openai: makes the sound.
        metrics: counts the replies and errors.
        clock: returns monotonic seconds.
        timeout: seconds that the engine may take for one piece of sound.
        read_timeout: seconds after which a client that reads nothing is disconnected.
    """

    def __init__(
        self,
        ready: Callable[[], EnginePool],
        openai: OpenAiApi,
        metrics: Metrics,
        clock: Callable[[], float],
        timeout: float,
        read_timeout: float,
    ) -> None:
        self._ready = ready
        self._openai = openai
        self._metrics = metrics
        self._clock = clock
        self._timeout = timeout
        self._read_timeout = read_timeout
        self._open: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [web.post("/admin/tts/stream", self._speak), web.get("/admin/tts/ws/stream", self._stream)]

    async def disconnect_all(self) -> None:
        """Close every WebSocket."""
        await end_tasks(*self._open)

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        """Answer with sound while it is synthesized."""
        return await self._openai.answer(request, read_request)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        """Speak each text that comes, one after the other, until the client closes the socket."""
        self._ready()
        if len(self._open) >= MAX_CONNECTIONS:
            raise unavailable(f"there are {MAX_CONNECTIONS} connections already", "overloaded")
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_BODY_BYTES, timeout=CLOSE_LIMIT, autoping=False)
        await socket.prepare(request)
        read_in_small_pieces(request.transport)
        messages = ClientMessages(socket, self._clock)
        texts: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        speaking = asyncio.create_task(self._speak_all(request, socket, texts), name="speech for a telephone")
        self._open.add(speaking)
        self._metrics.connections += 1
        receiving = asyncio.create_task(self._receive(messages, texts), name="texts of a telephone")
        code, reason = WSCloseCode.OK, ""
        try:
            await asyncio.wait((speaking, receiving), return_when=asyncio.FIRST_COMPLETED)
            if speaking.cancelled():
                code = WSCloseCode.GOING_AWAY
            elif messages.too_many:
                code, reason = WSCloseCode.POLICY_VIOLATION, TOO_MANY_MESSAGES
        finally:
            self._open.discard(speaking)
            self._metrics.connections -= 1
            await end_tasks(speaking, receiving)
        error = None if speaking.cancelled() else speaking.exception()
        if error is not None and not isinstance(error, ConnectionError):
            _log.error("Speech for a telephone failed", exc_info=error)
            code = WSCloseCode.INTERNAL_ERROR
        with suppress(ConnectionError):
            await socket.close(code=code, message=reason.encode())
        return socket

    @staticmethod
    async def _receive(messages: ClientMessages, texts: asyncio.Queue[bytes]) -> None:
        """Queue the client's messages until it closes the socket. While too many wait, no more are read."""
        async for message in messages:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                data = message.data
                await texts.put(data if isinstance(data, bytes) else data.encode(errors="surrogatepass"))

    async def _speak_all(
        self, request: web.Request, socket: web.WebSocketResponse, texts: asyncio.Queue[bytes]
    ) -> None:
        steps = ResponseSteps(request, self._timeout, self._read_timeout)
        while True:
            raw = await texts.get()
            try:
                done = await self._speak_one(steps, socket, raw)
            except ApiError as error:
                self._metrics.record_error(error.code or "bad_request")
                done = {"error": str(error), "code": error.code or "bad_parameter"}
            except web.HTTPServiceUnavailable:
                done = {"error": "the voice is still loading", "code": "loading"}
            except EngineError as error:
                self._metrics.record_error("engine_failed")
                done = {"error": str(error), "code": "engine_failed"}
            except TimeoutError:
                self._metrics.record_error("timeout")
                done = {"error": "the engine made no sound for too long", "code": "engine_failed"}
            await steps.write(socket.send_str(json.dumps(done)))

    async def _speak_one(self, steps: ResponseSteps, socket: web.WebSocketResponse, raw: bytes) -> dict[str, Any]:
        """Speak one text; returns the message that ends it."""
        began, first_chunk_ms, samples = self._clock(), None, 0
        pool, speech = self._openai.resolve(read_request(raw))
        sound = EncodedSound(speech)
        async with aclosing(SpokenText(pool, speech).pieces()) as pieces:
            piece = await self._openai.first_piece(steps, pieces)
            while piece is not None:
                samples += len(piece)
                if data := await asyncio.to_thread(sound.encode, piece):
                    await steps.write(socket.send_bytes(data))
                    if first_chunk_ms is None:
                        first_chunk_ms = round(1000 * (self._clock() - began), 1)
                piece = await steps.run(next_piece(pieces))
            if data := await asyncio.to_thread(sound.finish):
                await steps.write(socket.send_bytes(data))
        self._metrics.record_reply(samples / speech.rate, first_chunk_ms)
        return {"done": True, "first_chunk_ms": first_chunk_ms, "audio_ms": round(1000 * samples / speech.rate, 1)}
