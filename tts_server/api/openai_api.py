"""OpenAI's speech endpoints, and the lists of voices and models that Open WebUI reads."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

from aiohttp import web

from audio.samples import Samples
from tts_server.api.errors import ApiError, error_response
from tts_server.api.speech_output import (
    BrokenOffError,
    ResponseSteps,
    SpokenText,
    next_piece,
    resolved_parameters,
    send_speech,
)
from tts_server.api.speech_request import SpeechRequest, parse, read_body
from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_slots import OverloadedError
from tts_server.speaking.reply_worker import READ_TIMEOUT

STEP_TIMEOUT = 120.0
"""If the engine takes longer than this many seconds for one piece of sound, loading included, the request fails."""
_RETRY_SECONDS = 1.0
BETTER_MODEL = "tts-1-hd"
"""OpenAI's name for its model with higher quality and more delay. It selects ``TTS_BETTER_ENGINE``, if that is set."""
_OPENAI_MODELS = ("tts-1", BETTER_MODEL, "gpt-4o-mini-tts")

_log = logging.getLogger(__name__)


class OpenAiApi:
    """``/v1/audio/speech`` and ``/v1/models``.

    Args:
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
        timeout: seconds that the engine may take for one piece of sound.
        better: returns the pool of the better engine (``TTS_BETTER_ENGINE``), or ``None`` if there is none.
        metrics: counts the replies and errors.
        clock: returns monotonic seconds.
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
        return await self.answer(request, parse)

    async def answer(self, request: web.Request, parse: Callable[[bytes], SpeechRequest]) -> web.StreamResponse:
        """Answer a request for speech, whose body is read by ``parse``."""
        self._ready()
        steps, began = ResponseSteps(request, self._timeout, self._read_timeout), self._clock()
        try:
            pool, speech = self.resolve(parse(await read_body(request)))
            spoken = SpokenText(pool, speech)
            async with aclosing(spoken.pieces()) as pieces:
                first = await self.first_piece(steps, pieces)
                first_chunk_ms = None if first is None else 1000 * (self._clock() - began)
                response, samples = await send_speech(
                    request, speech, steps, first, pieces, costs_money=spoken.costs_money
                )
                self._metrics.record_reply(samples / speech.rate, first_chunk_ms)
                return response
        except ApiError as error:
            self._metrics.record_error(error.code or "bad_request")
            return error.response()
        except BrokenOffError as error:
            if error.code is not None:
                self._metrics.record_error(error.code)
            return error.response
        except ConnectionError:
            _log.info("A client went away")
            return error_response(400, "the client closed the connection")

    def resolve(self, speech: SpeechRequest) -> tuple[EnginePool, SpeechRequest]:
        """The engine pool for a request, and the request with its preset and voice filled in; raises
        :class:`ApiError`.
        """
        pool = self._pool_for(speech.model)
        return pool, replace(speech, parameters=resolved_parameters(pool, speech))

    async def first_piece(self, steps: ResponseSteps, pieces: AsyncGenerator[Samples, None]) -> Samples | None:
        """The first chunk of sound; ``None`` if the text has nothing speakable.

        Raises:
            ApiError: the sound can't be made. The error has the HTTP status that says why.
            ConnectionError: the client went away.
        """
        try:
            return await steps.run(next_piece(pieces))
        except OverloadedError as error:
            raise ApiError(429, str(error), code="rate_limit_exceeded", retry_after=_RETRY_SECONDS) from error
        except EngineError as error:
            raise ApiError(500, str(error), code="engine_failed") from error
        except TimeoutError:
            raise ApiError(504, f"the engine made no sound within {self._timeout:g} s", code="timeout") from None


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
