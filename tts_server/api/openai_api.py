"""OpenAI's endpoints for speech, so that programs written for theirs can use this voice."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from aiohttp import web

from audio.encoders import Encoder
from audio.samples import Samples
from tts_server.api.errors import ApiError, error_body, error_response
from tts_server.api.speech_request import SpeechRequest, parse, read_body
from tts_server.dsp import TempoChanger
from tts_server.engines.base import EngineError
from tts_server.speaking.engine_pool import EnginePool, OverloadedError
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters
from wire.presets import PresetError

STEP_TIMEOUT = 120.0
"""Without a sound from the engine, or without the client taking one; a model may be loaded meanwhile."""
_RETRY_SECONDS = 1.0
_SILENT_SECONDS = 0.25
"""The answer where nothing can be said aloud, as of an emoji: players take a file without sound for a broken one."""
_VOICE_NAMES = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse"
_OPENAI_VOICES = frozenset(_VOICE_NAMES.split())
"""They mean the engine's own choice, unless it has a voice of that name."""
BETTER_MODEL = "tts-1-hd"
"""OpenAI's name for sound that may take longer."""
_OPENAI_MODELS = ("tts-1", BETTER_MODEL, "gpt-4o-mini-tts")
_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.25
_Result = TypeVar("_Result")


class OpenAiApi:
    """The endpoints.

    Args:
        ready: gives the voice, or raises the HTTP error that says why there is none.
        patience: seconds without progress after which an answer is given up.
        better: gives the voice for sound that may take longer, where there is one.
    """

    def __init__(
        self,
        ready: Callable[[], EnginePool],
        timeout: float = STEP_TIMEOUT,
        better: Callable[[], EnginePool | None] = lambda: None,
    ) -> None:
        self._ready = ready
        self._timeout = timeout
        self._better = better

    def routes(self) -> list[web.RouteDef]:
        """Where they are."""
        return [
            web.post("/v1/audio/speech", self.create_speech),
            web.get("/v1/models", self.models, allow_head=False),
            web.get("/v1/models/{model}", self.model, allow_head=False),
        ]

    async def models(self, _: web.Request) -> web.Response:
        """Every name that ``model`` may have, each with the engine that it means."""
        return web.json_response({"object": "list", "data": [self._model(name) for name in self.model_names()]})

    async def model(self, request: web.Request) -> web.Response:
        """One of them."""
        name = request.match_info["model"]
        if name not in self.model_names():
            return ApiError(404, f"there is no model {name!r}", "model", "model_not_found").response()
        return web.json_response(self._model(name))

    def model_names(self) -> tuple[str, ...]:
        """Every name that ``model`` may have."""
        better = self._better()
        engines = (*self._ready().engines, *(better.engines if better else ()))
        return tuple(dict.fromkeys((*(engine.name for engine in engines), *_OPENAI_MODELS)))

    def _model(self, name: str) -> dict[str, object]:
        engine = self._voice_of(name).engine_name
        return {"id": name, "object": "model", "created": 0, "owned_by": "seiyuu", "engine": engine}

    def _voice_of(self, model: str | None) -> EnginePool:
        usual, better = self._ready(), self._better()
        return better if better is not None and model in (BETTER_MODEL, better.engine_name) else usual

    async def create_speech(self, request: web.Request) -> web.StreamResponse:
        """Answer with audio as it is made; what fails before the first of it gets a status of its own."""
        self._ready()
        steps = ResponseSteps(request, self._timeout)
        try:
            asked = parse(await read_body(request))
            pool = self._voice_of(asked.model)
            settled = replace(asked, parameters=_settled(pool, asked))
            async with aclosing(_speak(pool, settled)) as pieces:
                first = await self._first(steps, pieces)
                return await _answer(request, settled, steps, first, pieces)
        except ApiError as error:
            return error.response()
        except ConnectionError:
            _log.info("A client went away")
            return error_response(400, "the client closed the connection")

    async def _first(self, steps: ResponseSteps, pieces: AsyncGenerator[Samples, None]) -> Samples | None:
        """The first piece, or ``None`` where there is nothing to say aloud."""
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
    asked: SpeechRequest,
    steps: ResponseSteps,
    first: Samples | None,
    pieces: AsyncGenerator[Samples, None],
) -> web.StreamResponse:
    response_body: ResponseBody = EventStreamBody() if asked.events else FileBody()
    sound = _Sound(asked)
    headers = {"Content-Type": response_body.content_type(sound.content_type), "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        piece: Samples | None = first
        if piece is None:
            piece = np.zeros(int(asked.rate * _SILENT_SECONDS), np.float32)
        while piece is not None:
            data = response_body.chunk(await asyncio.to_thread(sound.encode, piece))
            await steps.run(response.write(data))
            piece = await steps.run(_next(pieces))
        data = response_body.chunk(await asyncio.to_thread(sound.finish)) + response_body.end()
        await steps.run(response.write(data))
        await response.write_eof()
    except EngineError as error:
        _log.error("Speech broke off: %s", error)
        await _break_off(request, response, response_body.failure(str(error)))
    except TimeoutError:
        _log.error("Speech broke off: the engine made nothing, or the client read nothing, for too long")
        await _break_off(request, response, None)
    except ConnectionError:
        _log.info("A client went away")
    return response


async def _next(pieces: AsyncGenerator[Samples, None]) -> Samples | None:
    return await anext(pieces, None)


async def _break_off(request: web.Request, response: web.StreamResponse, notice: bytes | None) -> None:
    # The status is out: without a notice, only a connection that breaks tells the client that this is not all.
    response.force_close()
    if notice is not None:
        await response.write_eof(notice)
    elif request.transport:
        request.transport.abort()


class _Sound:
    """An engine's samples to an answer's bytes. It computes: call it in a thread."""

    def __init__(self, asked: SpeechRequest) -> None:
        self._tempo = TempoChanger(asked.tempo, asked.rate)
        self._encoder: Encoder = asked.format.encoder(asked.rate)
        self.content_type = self._encoder.content_type

    def encode(self, samples: Samples) -> bytes:
        """Returns what is ready."""
        return self._encoder.encode(self._tempo.push(samples))

    def finish(self) -> bytes:
        """Returns the rest."""
        return self._encoder.encode(self._tempo.finish()) + self._encoder.finish()


def _settled(pool: EnginePool, asked: SpeechRequest) -> SpeechParameters:
    parameters = asked.parameters
    if parameters.voice in _OPENAI_VOICES and all(parameters.voice != voice.id for voice in pool.voices()):
        parameters = replace(parameters, voice=None)
    try:
        return pool.resolve_parameters(parameters, asked.text)
    except UnknownVoiceError as error:
        raise ApiError(400, str(error), "voice", "unknown_voice") from None
    except PresetError as error:
        raise ApiError(400, str(error), "preset", "unknown_preset") from None


async def _speak(pool: EnginePool, asked: SpeechRequest) -> AsyncGenerator[Samples, None]:
    segmenter = Segmenter(asked.parameters.language)
    with pool.reply(asked.parameters, asked.rate) as reply:
        # A file may wait for the voice that was asked for; a conversation can't.
        await pool.lifecycle.wait_loaded()
        for segment in [*segmenter.feed(asked.text), *segmenter.flush()]:
            async with aclosing(reply.synthesize(segment)) as pieces:
                async for piece in pieces:
                    yield piece


class ResponseBody(Protocol):
    """What stands around the bytes of one answer."""

    def content_type(self, file: str) -> str:
        """Of the answer, where the bytes are a file of this type."""
        ...

    def chunk(self, data: bytes) -> bytes:
        """The next bytes, as they are sent."""
        ...

    def end(self) -> bytes:
        """What says that the answer is whole."""
        ...

    def failure(self, message: str) -> bytes | None:
        """What says that it will never be; where there is nothing, only a connection that breaks can."""
        ...


class FileBody:
    """The bytes and nothing else."""

    def content_type(self, file: str) -> str:
        """As :meth:`Delivery.content_type`."""
        return file

    def chunk(self, data: bytes) -> bytes:
        """As :meth:`Delivery.part`."""
        return data

    def end(self) -> bytes:
        """As :meth:`Delivery.end`."""
        return b""

    def failure(self, message: str) -> bytes | None:
        """As :meth:`Delivery.failure`."""
        return None


class EventStreamBody:
    """``speech.audio.delta`` with the bytes in base64, then ``speech.audio.done``; an error where one comes."""

    def content_type(self, file: str) -> str:
        """As :meth:`Delivery.content_type`."""
        return "text/event-stream"

    def chunk(self, data: bytes) -> bytes:
        """As :meth:`Delivery.part`."""
        return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}) if data else b""

    def end(self) -> bytes:
        """As :meth:`Delivery.end`."""
        # Clients want the field, and nothing here has tokens.
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        return _event({"type": "speech.audio.done", "usage": usage})

    def failure(self, message: str) -> bytes | None:
        """As :meth:`Delivery.failure`."""
        return _event({"type": "error", **error_body(500, message)})


def _event(fields: dict[str, object]) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


class ResponseSteps:
    """The steps of one request's answer, each of which may take ``patience`` seconds."""

    def __init__(self, request: web.Request, timeout: float) -> None:
        self._request = request
        self._timeout = timeout

    async def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What ``work`` returns.

        Raises:
            TimeoutError: it took too long.
            ConnectionResetError: the client closed the connection.
        """
        # aiohttp tells a handler of a client that has gone only when it writes, which may be never.
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(self._timeout):
                while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
                    if self._request.transport is None:
                        raise ConnectionResetError("the client closed the connection")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class AudioApi:
    """The endpoints.

    Args:
        ready: gives the voice, or raises the HTTP error that says why there is none.
        models: every name that ``model`` may have.
    """

    def __init__(self, ready: Callable[[], EnginePool], models: Callable[[], Iterable[str]]) -> None:
        self._ready = ready
        self._models = models

    def routes(self) -> list[web.RouteDef]:
        """To be added to an application."""
        return [
            web.get("/v1/audio/voices", self._list_voices, allow_head=False),
            web.get("/v1/audio/models", self._list_models, allow_head=False),
        ]

    async def _list_voices(self, _: web.Request) -> web.Response:
        """Every voice, those made from recordings too; those of the engine that is wanted first."""
        voices = [
            {"id": voice.id, "name": voice.name, "language": voice.language, "engine": engine.name}
            for engine in self._ready().engines
            for voice in engine.voices()
        ]
        return web.json_response({"voices": voices})

    async def _list_models(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [{"id": name, "name": name} for name in self._models()]})
