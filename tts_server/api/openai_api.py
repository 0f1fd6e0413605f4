"""``POST /v1/audio/speech`` as OpenAI has it, so that programs written for theirs can use this voice.

Source: the API reference, "Create speech". ``model`` and ``instructions`` are ignored; OpenAI's own voice names mean
the engine's own choice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from tts_server.api.encoders import ENCODERS, Encoder
from tts_server.api.errors import error_response
from tts_server.engines.base import EngineError, Samples, UnknownVoiceError
from tts_server.presets import PresetError
from tts_server.speaking.admission import OverloadedError
from tts_server.speaking.speech import Speech
from tts_server.text.segmenter import Segmenter
from tts_server.wire import SpeechParameters

SAMPLE_RATE = 24_000
"""What OpenAI's ``pcm`` has; the other formats have it here too."""
MAX_INPUT_CHARACTERS = 4096
MAX_REQUESTS = 16
"""At once; each holds at most one segment's audio."""
_SLOWEST, _FASTEST = 0.25, 4.0
_ENGINE_SLOWEST, _ENGINE_FASTEST = 0.5, 2.0
_VOICE_NAMES = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar"
_OPENAI_VOICES = frozenset(_VOICE_NAMES.split())

_log = logging.getLogger(__name__)


class _BadRequestError(ValueError):
    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class OpenAiApi:
    """The endpoint. ``ready`` gives the voice, or raises the HTTP error that says why there is none."""

    def __init__(self, ready: Callable[[], Speech]) -> None:
        self._ready = ready
        self._requests = 0

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """Answer with audio as it is made; an engine that fails before the first of it is a 500."""
        speech = self._ready()
        try:
            text, format_name, parameters = _parse(await request.text())
            parameters = speech.settle(parameters, text)
        except _BadRequestError as error:
            return error_response(400, str(error), error.parameter)
        except UnknownVoiceError as error:
            return error_response(400, str(error), "voice")
        except PresetError as error:
            return error_response(400, str(error), "preset")
        except UnicodeDecodeError:
            return error_response(400, "the body is not UTF-8")
        if self._requests >= MAX_REQUESTS:
            return error_response(429, f"{MAX_REQUESTS} requests are under way", code="rate_limit_exceeded")
        self._requests += 1
        try:
            async with aclosing(_speak(speech, text, parameters)) as pieces:
                return await _answer(request, ENCODERS[format_name](SAMPLE_RATE), pieces)
        finally:
            self._requests -= 1


async def _speak(speech: Speech, text: str, parameters: SpeechParameters) -> AsyncGenerator[Samples, None]:
    segmenter = Segmenter(parameters.language)
    with speech.reply(parameters, SAMPLE_RATE) as voice:
        # A file may wait for the voice that was asked for; a conversation can't.
        await speech.residency.loaded()
        for segment in [*segmenter.feed(text), *segmenter.flush()]:
            async with aclosing(voice.say(segment)) as pieces:
                async for piece in pieces:
                    yield piece


async def _answer(request: web.Request, encoder: Encoder, pieces: AsyncGenerator[Samples, None]) -> web.StreamResponse:
    try:
        first = await anext(pieces, None)
    except OverloadedError as error:
        return error_response(429, str(error), code="rate_limit_exceeded", headers={"Retry-After": "1"})
    except EngineError as error:
        return error_response(500, str(error))
    response = web.StreamResponse(headers={"Content-Type": encoder.content_type})
    await response.prepare(request)
    try:
        if first is not None:
            await response.write(await asyncio.to_thread(encoder.encode, first))
        async for piece in pieces:
            await response.write(await asyncio.to_thread(encoder.encode, piece))
        await response.write(await asyncio.to_thread(encoder.finish))
        await response.write_eof()
    except EngineError as error:
        _log.error("Speech broke off: %s", error)
        # The status is out; only a connection that breaks tells the client that the audio is not whole.
        response.force_close()
        if request.transport:
            request.transport.abort()
    except ConnectionError:
        _log.info("A client went away")
    return response


def _parse(raw: str) -> tuple[str, str, SpeechParameters]:
    """The text, the format's name, and how to speak it."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _BadRequestError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise _BadRequestError("the body is not a JSON object")
    text = _string(body, "input")
    if not text.strip():
        raise _BadRequestError("there is nothing to speak", "input")
    if len(text) > MAX_INPUT_CHARACTERS:
        raise _BadRequestError(f"more than {MAX_INPUT_CHARACTERS} characters", "input")
    format_name = _string(body, "response_format", "mp3")
    if format_name not in ENCODERS:
        raise _BadRequestError(f"response_format is one of {', '.join(ENCODERS)}", "response_format")
    if body.get("stream_format", "audio") != "audio":
        raise _BadRequestError('stream_format is "audio"', "stream_format")
    voice = _string(body, "voice", "alloy")
    return text, format_name, SpeechParameters(voice=None if voice in _OPENAI_VOICES else voice, speed=_speed(body))


def _string(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise _BadRequestError(f"{name} is a string", name)
    return value


def _speed(body: Mapping[str, Any]) -> float:
    speed = body.get("speed", 1.0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not _SLOWEST <= speed <= _FASTEST:
        raise _BadRequestError(f"speed is a number from {_SLOWEST} to {_FASTEST}", "speed")
    return min(max(float(speed), _ENGINE_SLOWEST), _ENGINE_FASTEST)
