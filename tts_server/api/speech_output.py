"""Sends speech while it is made, as a file or as OpenAI's events. Each step has a time limit."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from aiohttp import web
from typing_extensions import override

from audio.encoders import Encoder
from audio.samples import Samples
from config.tasks import end_tasks
from tts_server.api.errors import ApiError, error_body
from tts_server.api.speech_request import SpeechRequest
from tts_server.dsp import TempoChanger
from tts_server.engines.base import EngineError
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_synthesizer import ReplySynthesizer
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.headers import COSTS_MONEY, YES
from wire.parameters import OPENAI_VOICES, SpeechParameters
from wire.presets import PresetError

_SILENT_SECONDS = 0.25
"""Seconds of silence sent for a text without speakable words, such as an emoji. Players reject files without sound."""
_SEED_VOICES = frozenset(("gulya", "lidia", "гуля", "лидия"))
"""The names by which AI Secretary calls its own voices."""
_OTHERS_VOICES = OPENAI_VOICES | _SEED_VOICES
"""Voice names of other servers. They select the engine's default voice, unless the engine has a voice of that name."""

_CHECK_SECONDS = 0.25
_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


async def send_speech(
    request: web.Request,
    speech: SpeechRequest,
    steps: ResponseSteps,
    first: Samples | None,
    pieces: AsyncGenerator[Samples, None],
    *,
    costs_money: bool = False,
) -> tuple[web.StreamResponse, int]:
    """Send the sound as it is made. Returns the response and the number of samples. Raises BrokenOffError.

    Args:
        costs_money: whether an engine speaks the text, or a part of it, that probably costs money.
    """
    response_body: ResponseBody = EventStreamBody() if speech.events else FileBody()
    sound = EncodedSound(speech)
    headers = {"Content-Type": response_body.content_type(sound.content_type), "Cache-Control": "no-store"}
    if costs_money:
        headers[COSTS_MONEY] = YES
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
            piece = await steps.run(next_piece(pieces))
        data = response_body.chunk(await asyncio.to_thread(sound.finish)) + response_body.end()
        await steps.write(response.write(data))
        await steps.write(response.write_eof())
    except EngineError as error:
        _log.error("Speech broke off: %s", error)
        await _break_off(request, response, steps, response_body.failure(str(error)))
        raise BrokenOffError(response, "engine_failed") from error
    except TimeoutError:
        _log.error("Speech broke off: the engine made no sound for too long")
        await _break_off(request, response, steps, None)
        raise BrokenOffError(response, "timeout") from None
    except ConnectionError:
        _log.info("A client went away")
        raise BrokenOffError(response, None) from None
    return response, samples


async def next_piece(pieces: AsyncGenerator[Samples, None]) -> Samples | None:
    """The next piece of sound; ``None`` at the end."""
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


class BrokenOffError(Exception):
    """The sound ended too soon, after the response had begun. ``code`` is ``None`` if the client went away."""

    def __init__(self, response: web.StreamResponse, code: str | None) -> None:
        super().__init__(code)
        self.response = response
        self.code = code


class EncodedSound:
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


def resolved_parameters(pool: EnginePool, speech: SpeechRequest) -> SpeechParameters:
    """The parameters of a request, with its preset filled in. A voice name of another server becomes the default voice.

    Raises:
        ApiError: there is no such voice or preset.
    """
    parameters = speech.parameters
    if parameters.voice in _OTHERS_VOICES and all(parameters.voice != voice.id for voice in pool.voices()):
        parameters = replace(parameters, voice=None)
    try:
        return pool.resolve_parameters(parameters, speech.text)
    except UnknownVoiceError as error:
        raise ApiError(400, str(error), "voice", "unknown_voice") from None
    except PresetError as error:
        raise ApiError(400, str(error), "preset", "unknown_preset") from None


class SpokenText:
    """A text that is spoken segment by segment, once. Use it only on the event loop."""

    def __init__(self, pool: EnginePool, speech: SpeechRequest) -> None:
        self._pool = pool
        self._speech = speech
        self._reply: ReplySynthesizer | None = None

    @cached_property
    def _segments(self) -> list[str]:
        """The segments of the text. They are found only once, because that takes long for a long text."""
        segmenter = Segmenter(self._speech.parameters.language)
        return [*segmenter.feed(self._speech.text), *segmenter.flush()]

    @property
    def costs_money(self) -> bool:
        """Whether an engine that probably costs money was asked to speak a part of the text, or would be asked now."""
        asked = self._reply is not None and self._reply.has_asked_paid
        return asked or self._pool.asks_paid(self._speech.parameters, self._segments)

    async def pieces(self) -> AsyncGenerator[Samples, None]:
        """The sound, as it is made.

        Raises:
            OverloadedError: too many replies are being spoken.
            EngineError: the engine can't speak.
        """
        with self._pool.reply(self._speech.parameters, self._speech.rate) as reply:
            self._reply = reply
            # Unlike a conversation, a file can wait until the preferred engine is loaded.
            await self._pool.lifecycle.wait_loaded()
            for segment in self._segments:
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
            # This is needed even if the task is done. It may have failed just when this response was stopped, and its
            # error must be fetched.
            await end_tasks(task)
