"""OpenAI's speech endpoints, and the lists of voices and models that Open WebUI reads."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from aiohttp import web
from typing_extensions import override

from audio.encoders import Encoder
from audio.samples import Samples
from tts_server.api.errors import ApiError, error_body, error_response
from tts_server.api.speech_request import SpeechRequest, parse, read_body
from tts_server.dsp import TempoChanger
from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool, OverloadedError
from tts_server.speaking.reply_worker import READ_TIMEOUT
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters
from wire.presets import PresetError

STEP_TIMEOUT = 120.0
"""If the engine takes longer than this many seconds for one piece of sound, loading included, the request fails."""
_RETRY_SECONDS = 1.0
_SILENT_SECONDS = 0.25
"""Seconds of silence sent for a text without speakable words, such as an emoji. Players reject files without sound."""
_VOICE_NAMES = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse"
_OPENAI_VOICES = frozenset(_VOICE_NAMES.split())
"""OpenAI's voice names. They select the engine's default voice, unless the engine has a voice of that name."""
BETTER_MODEL = "tts-1-hd"
"""OpenAI's name for its model with higher quality and more delay. It selects ``TTS_BETTER_ENGINE``, if that is set."""
_OPENAI_MODELS = ("tts-1", BETTER_MODEL, "gpt-4o-mini-tts")

_CHECK_SECONDS = 0.25
_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


class OpenAiApi:
    """``/v1/audio/speech`` and ``/v1/models``.

    Args:
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
        timeout: seconds that the engine may take for one piece of sound.
        better: returns the pool of the second engine of higher quality, or ``None`` if there is no such engine.
        metrics: counts the replies and errors.
        clock: monotonic seconds.
        read_timeout: seconds after which a client that reads nothing of its reply is disconnected.
    """

    def __init__(
        self,
        ready: Callable[[], EnginePool],
        timeout: float = STEP_TIMEOUT,
        better: Callable[[], EnginePool | None] = lambda: None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._ready = ready
        self._metrics = metrics or Metrics()
        self._clock = clock
        self._timeout = timeout
        self._better = better
        self._read_timeout = read_timeout

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [
            web.post("/v1/audio/speech", self.create_speech),
            web.get("/v1/models", self.models, allow_head=False),
            web.get("/v1/models/{model}", self.model, allow_head=False),
        ]

    async def models(self, _: web.Request) -> web.Response:
        """List the values that ``model`` may have, each with the engine that it selects."""
        return web.json_response({"object": "list", "data": [self._model(name) for name in self.model_names()]})

    async def model(self, request: web.Request) -> web.Response:
        """Describe one value of ``model``."""
        name = request.match_info["model"]
        if name not in self.model_names():
            return ApiError(404, f"there is no model {name!r}", "model", "model_not_found").response()
        return web.json_response(self._model(name))

    def model_names(self) -> tuple[str, ...]:
        """All values that ``model`` may have."""
        better = self._better()
        engines = (*self._ready().engines, *(better.engines if better else ()))
        return tuple(dict.fromkeys((*(engine.name for engine in engines), *_OPENAI_MODELS)))

    def _model(self, name: str) -> dict[str, object]:
        engine = self._pool_for(name).engine_name
        return {"id": name, "object": "model", "created": 0, "owned_by": "seiyuu", "engine": engine}

    def _pool_for(self, model: str | None) -> EnginePool:
        preferred, better = self._ready(), self._better()
        return better if better is not None and model in (BETTER_MODEL, better.engine_name) else preferred

    async def create_speech(self, request: web.Request) -> web.StreamResponse:
        """Answer with sound while it is synthesized. Errors before the first sound get their own HTTP status."""
        self._ready()
        steps, began = ResponseSteps(request, self._timeout, self._read_timeout), self._clock()
        try:
            speech = parse(await read_body(request))
            pool = self._pool_for(speech.model)
            resolved = replace(speech, parameters=_resolved_parameters(pool, speech))
            async with aclosing(_speak(pool, resolved)) as pieces:
                first = await self._first(steps, pieces)
                first_chunk_ms = None if first is None else 1000 * (self._clock() - began)
                response, samples = await _answer(request, resolved, steps, first, pieces)
                self._metrics.record_reply(samples / resolved.rate, first_chunk_ms)
                return response
        except ApiError as error:
            self._metrics.record_error(error.code or "bad_request")
            return error.response()
        except _BrokenOffError as error:
            if error.code is not None:
                self._metrics.record_error(error.code)
            return error.response
        except ConnectionError:
            _log.info("A client went away")
            return error_response(400, "the client closed the connection")

    async def _first(self, steps: ResponseSteps, pieces: AsyncGenerator[Samples, None]) -> Samples | None:
        """The first chunk of sound; ``None`` if the text has nothing speakable."""
        try:
            return await steps.run(_next(pieces))
        except OverloadedError as error:
            raise ApiError(429, str(error), code="rate_limit_exceeded", retry_after=_RETRY_SECONDS) from error
        except EngineError as error:
            raise ApiError(500, str(error), code="engine_failed") from error
        except TimeoutError:
            raise ApiError(504, f"the engine made no sound within {self._timeout:g} s", code="timeout") from None


async def _answer(
    request: web.Request,
    speech: SpeechRequest,
    steps: ResponseSteps,
    first: Samples | None,
    pieces: AsyncGenerator[Samples, None],
) -> tuple[web.StreamResponse, int]:
    """Send the sound as it is made. Returns the response and the number of samples. Raises _BrokenOffError."""
    response_body: ResponseBody = EventStreamBody() if speech.events else FileBody()
    sound = _EncodedSound(speech)
    headers = {"Content-Type": response_body.content_type(sound.content_type), "Cache-Control": "no-store"}
    response, samples = web.StreamResponse(headers=headers), 0
    try:
        await response.prepare(request)
        piece: Samples | None = first
        if piece is None:
            piece = np.zeros(int(speech.rate * _SILENT_SECONDS), np.float32)
        while piece is not None:
            samples += len(piece)
            data = response_body.chunk(await asyncio.to_thread(sound.encode, piece))
            await steps.write(response.write(data))
            piece = await steps.run(_next(pieces))
        data = response_body.chunk(await asyncio.to_thread(sound.finish)) + response_body.end()
        await steps.write(response.write(data))
        await steps.write(response.write_eof())
    except EngineError as error:
        _log.error("Speech broke off: %s", error)
        await _break_off(request, response, steps, response_body.failure(str(error)))
        raise _BrokenOffError(response, "engine_failed") from error
    except TimeoutError:
        _log.error("Speech broke off: the engine made nothing for too long")
        await _break_off(request, response, steps, None)
        raise _BrokenOffError(response, "timeout") from None
    except ConnectionError:
        _log.info("A client went away")
        raise _BrokenOffError(response, None) from None
    return response, samples


async def _next(pieces: AsyncGenerator[Samples, None]) -> Samples | None:
    return await anext(pieces, None)


async def _break_off(
    request: web.Request, response: web.StreamResponse, steps: ResponseSteps, notice: bytes | None
) -> None:
    # The status has been sent: without an error message, only a broken connection can report the failure.
    response.force_close()
    if notice is not None:
        with suppress(ConnectionError):
            await steps.write(response.write_eof(notice))
    elif request.transport:
        request.transport.abort()


class _BrokenOffError(Exception):
    """The sound ended too soon, after the response had begun. ``code`` is ``None`` if the client went away."""

    def __init__(self, response: web.StreamResponse, code: str | None) -> None:
        super().__init__(code)
        self.response = response
        self.code = code


class _EncodedSound:
    """Converts an engine's samples into the bytes of the requested format. CPU-bound: call it in a thread."""

    def __init__(self, speech: SpeechRequest) -> None:
        self._tempo = TempoChanger(speech.tempo, speech.rate)
        self._encoder: Encoder = speech.format.encoder(speech.rate)
        self.content_type = self._encoder.content_type

    def encode(self, samples: Samples) -> bytes:
        """Encode more samples. Returns the bytes that are ready."""
        return self._encoder.encode(self._tempo.push(samples))

    def finish(self) -> bytes:
        """Return the remaining bytes."""
        return self._encoder.encode(self._tempo.finish()) + self._encoder.finish()


def _resolved_parameters(pool: EnginePool, speech: SpeechRequest) -> SpeechParameters:
    parameters = speech.parameters
    if parameters.voice in _OPENAI_VOICES and all(parameters.voice != voice.id for voice in pool.voices()):
        parameters = replace(parameters, voice=None)
    try:
        return pool.resolve_parameters(parameters, speech.text)
    except UnknownVoiceError as error:
        raise ApiError(400, str(error), "voice", "unknown_voice") from None
    except PresetError as error:
        raise ApiError(400, str(error), "preset", "unknown_preset") from None


async def _speak(pool: EnginePool, speech: SpeechRequest) -> AsyncGenerator[Samples, None]:
    segmenter = Segmenter(speech.parameters.language)
    with pool.reply(speech.parameters, speech.rate) as reply:
        # Unlike a conversation, a file can wait until the preferred engine is loaded.
        await pool.lifecycle.wait_loaded()
        for segment in [*segmenter.feed(speech.text), *segmenter.flush()]:
            async with aclosing(reply.synthesize(segment)) as pieces:
                async for piece in pieces:
                    yield piece


class ResponseBody(Protocol):
    """Wraps encoded sound in the body format of a response."""

    def content_type(self, file: str) -> str:
        """Content type of the response. ``file`` is the content type of the encoded sound."""
        ...

    def chunk(self, data: bytes) -> bytes:
        """Wrap the next bytes of sound."""
        ...

    def end(self) -> bytes:
        """The bytes that mark the end of the response."""
        ...

    def failure(self, message: str) -> bytes | None:
        """The bytes that report an error; ``None`` if only a broken connection can report it."""
        ...


class FileBody(ResponseBody):
    """The bytes of the file without any wrapping."""

    @override
    def content_type(self, file: str) -> str:
        return file

    @override
    def chunk(self, data: bytes) -> bytes:
        return data

    @override
    def end(self) -> bytes:
        return b""

    @override
    def failure(self, message: str) -> bytes | None:
        return None


class EventStreamBody(ResponseBody):
    """OpenAI's server-sent events: ``speech.audio.delta`` (base64), then ``speech.audio.done`` or ``error``."""

    @override
    def content_type(self, file: str) -> str:
        return "text/event-stream"

    @override
    def chunk(self, data: bytes) -> bytes:
        return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}) if data else b""

    @override
    def end(self) -> bytes:
        # Clients expect the field, although this server does not count tokens.
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        return _event({"type": "speech.audio.done", "usage": usage})

    @override
    def failure(self, message: str) -> bytes | None:
        return _event({"type": "error", **error_body(500, message)})


def _event(fields: dict[str, object]) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


class ResponseSteps:
    """Runs the steps of one response, each with a timeout."""

    def __init__(self, request: web.Request, timeout: float, read_timeout: float) -> None:
        self._request = request
        self._timeout = timeout
        self._read_timeout = read_timeout

    async def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Await the engine's ``work`` and return its result.

        Raises:
            TimeoutError: the step took too long.
            ConnectionResetError: the client closed the connection.
        """
        return await self._run(work, self._timeout)

    async def write(self, work: Coroutine[Any, Any, None]) -> None:
        """Await a write to the client (``work``); abort the connection if the client reads nothing for too long.

        Raises:
            ConnectionResetError: the client closed the connection, or does not read.
        """
        try:
            await self._run(work, self._read_timeout)
        except TimeoutError:
            _log.warning("A client took nothing for %g s: its reply is dropped", self._read_timeout)
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client does not read") from None

    async def _run(self, work: Coroutine[Any, Any, _Result], timeout: float) -> _Result:
        # aiohttp reports a closed connection only on a write, so check the transport while waiting.
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(timeout):
                while not (await asyncio.wait([task], timeout=_CHECK_SECONDS))[0]:
                    if self._request.transport is None:
                        raise ConnectionResetError("the client closed the connection")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class OpenWebUiApi:
    """``/v1/audio/voices`` and ``/v1/audio/models``, which Open WebUI and similar programs read.

    Args:
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
        models: returns all values that ``model`` may have.
    """

    def __init__(self, ready: Callable[[], EnginePool], models: Callable[[], Iterable[str]]) -> None:
        self._ready = ready
        self._models = models

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [
            web.get("/v1/audio/voices", self._list_voices, allow_head=False),
            web.get("/v1/audio/models", self._list_models, allow_head=False),
        ]

    async def _list_voices(self, _: web.Request) -> web.Response:
        """List all voices, cloned ones included, those of the preferred engine first."""
        voices = [
            {"id": voice.id, "name": voice.name, "language": voice.language, "engine": engine.name}
            for engine in self._ready().engines
            for voice in engine.voices()
        ]
        return web.json_response({"voices": voices})

    async def _list_models(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [{"id": name, "name": name} for name in self._models()]})
