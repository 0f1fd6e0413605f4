"""OpenAI's endpoints for speech, so that programs written for theirs can use this voice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import numpy as np
from aiohttp import web

from audio.encoders import Encoder
from audio.samples import Samples
from tts_server.api.delivery import AsEvents, AsFile, Delivery
from tts_server.api.errors import ApiError, error_response
from tts_server.api.progress import Progress
from tts_server.api.speech_request import SpeechRequest, parse, read_body
from tts_server.dsp.tempo import TempoChanger
from tts_server.engines.base import EngineError
from tts_server.speaking.admission import OverloadedError
from tts_server.speaking.speech import Speech
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters
from wire.presets import PresetError

PATIENCE_SECONDS = 120.0
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


class OpenAiApi:
    """The endpoints.

    Args:
        ready: gives the voice, or raises the HTTP error that says why there is none.
        patience: seconds without progress after which an answer is given up.
        better: gives the voice for sound that may take longer, where there is one.
    """

    def __init__(
        self,
        ready: Callable[[], Speech],
        patience: float = PATIENCE_SECONDS,
        better: Callable[[], Speech | None] = lambda: None,
    ) -> None:
        self._ready = ready
        self._patience = patience
        self._better = better

    def routes(self) -> list[web.RouteDef]:
        """Where they are."""
        return [
            web.post("/v1/audio/speech", self.speech),
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

    def _voice_of(self, model: str | None) -> Speech:
        usual, better = self._ready(), self._better()
        return better if better is not None and model in (BETTER_MODEL, better.engine_name) else usual

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """Answer with audio as it is made; what fails before the first of it gets a status of its own."""
        self._ready()
        progress = Progress(request, self._patience)
        try:
            asked = parse(await read_body(request))
            speech = self._voice_of(asked.model)
            settled = replace(asked, parameters=_settled(speech, asked))
            async with aclosing(_speak(speech, settled)) as pieces:
                first = await self._first(progress, pieces)
                return await _answer(request, settled, progress, first, pieces)
        except ApiError as error:
            return error.response()
        except ConnectionError:
            _log.info("A client went away")
            return error_response(400, "the client closed the connection")

    async def _first(self, progress: Progress, pieces: AsyncGenerator[Samples, None]) -> Samples | None:
        """The first piece, or ``None`` where there is nothing to say aloud."""
        try:
            return await progress.step(_next(pieces))
        except OverloadedError as error:
            raise ApiError(429, str(error), code="rate_limit_exceeded", retry_after=_RETRY_SECONDS) from error
        except EngineError as error:
            raise ApiError(500, str(error), code="engine_failed") from error
        except TimeoutError:
            raise ApiError(504, f"the engine made no sound within {self._patience:g} s", code="timeout") from None


async def _answer(
    request: web.Request,
    asked: SpeechRequest,
    progress: Progress,
    first: Samples | None,
    pieces: AsyncGenerator[Samples, None],
) -> web.StreamResponse:
    delivery: Delivery = AsEvents() if asked.events else AsFile()
    sound = _Sound(asked)
    headers = {"Content-Type": delivery.content_type(sound.content_type), "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        piece: Samples | None = first
        if piece is None:
            piece = np.zeros(int(asked.rate * _SILENT_SECONDS), np.float32)
        while piece is not None:
            data = delivery.part(await asyncio.to_thread(sound.encode, piece))
            await progress.step(response.write(data))
            piece = await progress.step(_next(pieces))
        data = delivery.part(await asyncio.to_thread(sound.finish)) + delivery.end()
        await progress.step(response.write(data))
        await response.write_eof()
    except EngineError as error:
        _log.error("Speech broke off: %s", error)
        await _break_off(request, response, delivery.failure(str(error)))
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


def _settled(speech: Speech, asked: SpeechRequest) -> SpeechParameters:
    parameters = asked.parameters
    if parameters.voice in _OPENAI_VOICES and all(parameters.voice != voice.id for voice in speech.voices()):
        parameters = replace(parameters, voice=None)
    try:
        return speech.settle(parameters, asked.text)
    except UnknownVoiceError as error:
        raise ApiError(400, str(error), "voice", "unknown_voice") from None
    except PresetError as error:
        raise ApiError(400, str(error), "preset", "unknown_preset") from None


async def _speak(speech: Speech, asked: SpeechRequest) -> AsyncGenerator[Samples, None]:
    segmenter = Segmenter(asked.parameters.language)
    with speech.reply(asked.parameters, asked.rate) as voice:
        # A file may wait for the voice that was asked for; a conversation can't.
        await speech.residency.loaded()
        for segment in [*segmenter.feed(asked.text), *segmenter.flush()]:
            async with aclosing(voice.say(segment)) as pieces:
                async for piece in pieces:
                    yield piece
