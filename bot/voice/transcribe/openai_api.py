"""A transcription server with OpenAI's API, behind the transcriber's seam."""

from __future__ import annotations

import asyncio
import io
import json
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import numpy as np

from bot.voice.receive.heard import HEARING_RATE, Sound16
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.queueing import Job, TranscriptionQueue
from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionRequest

ANSWER_LIMIT = 30.0
MAX_ANSWER_BYTES = 1_000_000
AT_ONCE = 2
"""Requests under way at the same time."""


@dataclass(frozen=True, slots=True)
class TranscriptionServer:
    """Where the server is: ``url`` is its whole base, to which only the endpoint's path is added."""

    url: str
    model: str | None = None
    api_key: str | None = None
    language: str | None = None

    @property
    def host(self) -> str:
        """The server's name and port, for people."""
        return self.url.partition("://")[2].partition("/")[0]


class OpenAITranscriber:
    """A :class:`~bot.voice.transcribe.transcriber.Transcriber`; belongs to one event loop.

    Args:
        http: a session that outlives it.
    """

    def __init__(
        self,
        server: TranscriptionServer,
        http: aiohttp.ClientSession,
        corrections: Corrections,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._http = http
        self._corrections = corrections
        self._clock = clock
        self._queue = TranscriptionQueue()
        self._working: list[asyncio.Task[None]] = []

    def describe(self) -> str:
        """What it is and where it runs."""
        return f"{self._server.model or 'its own model'} at {self._server.host}"

    async def warm_up(self) -> None:
        """Ask for a second of silence: the connection is open then. Raises :class:`TranscriptionError`."""
        await self._ask(np.zeros(HEARING_RATE, np.float32), ())

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe; raises :class:`TranscriptionError`."""
        if not self._working:
            self._working = [asyncio.create_task(self._work(), name="transcriber") for _ in range(AT_ONCE)]
        job = Job(request, asyncio.get_running_loop().create_future(), self._clock())
        self._queue.add(job)
        return await job.answer

    async def rest(self) -> None:
        """Nothing of it takes memory here."""

    async def close(self) -> None:
        """Ask no more."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        self._queue.fail(TranscriptionError("The transcriber was closed."))

    async def _work(self) -> None:
        while True:
            job = await self._queue.next()
            try:
                text, language = await self._ask(job.request.sound, job.request.hot_words)
            except TranscriptionError as error:
                if not job.answer.done():
                    job.answer.set_exception(error)
                continue
            if not job.answer.done():
                seconds = self._clock() - job.asked_at
                job.answer.set_result(Transcript(self._corrections.apply(text), language, seconds))

    async def _ask(self, sound: Sound16, hot_words: tuple[str, ...]) -> tuple[str, str | None]:
        server = self._server
        form = aiohttp.FormData()
        form.add_field("file", _wav(sound), filename="speech.wav", content_type="audio/wav")
        form.add_field("model", server.model or "whisper-1")
        form.add_field("response_format", "json")
        if server.language:
            form.add_field("language", server.language)
        if hot_words:
            form.add_field("prompt", ", ".join(hot_words))
        headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
        url = f"{server.url.rstrip('/')}/audio/transcriptions"
        try:
            async with asyncio.timeout(ANSWER_LIMIT), self._http.post(url, data=form, headers=headers) as response:
                body = await response.content.read(MAX_ANSWER_BYTES)
                status = response.status
        except TimeoutError as error:
            raise TranscriptionError(f"{server.host} gave no answer for {ANSWER_LIMIT:.0f} s.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TranscriptionError(f"The transcription server at {server.host} can't be reached.") from error
        if status != 200:
            raise TranscriptionError(f"The transcription server at {server.host} answered {_explain(status)}.")
        return self._read(body)

    def _read(self, body: bytes) -> tuple[str, str | None]:
        try:
            answer = json.loads(body)
            text, language = answer["text"], answer.get("language")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TranscriptionError(f"{self._server.host} does not answer as a transcription server does.") from error
        if not isinstance(text, str):
            raise TranscriptionError(f"{self._server.host} does not answer as a transcription server does.")
        return " ".join(text.split()), language if isinstance(language, str) else None


def _explain(status: int) -> str:
    match status:
        case 401 | 403:
            return f"{status}: it does not accept STT_API_KEY"
        case 404:
            return "404: is STT_URL its whole base address, with /v1, and STT_MODEL one of its models?"
        case 429:
            return "429: it has too much to do"
        case _:
            return str(status)


def _wav(sound: Sound16) -> bytes:
    """The sound as a WAV file, 16 bits."""
    clean = np.clip(np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(HEARING_RATE)
        writer.writeframes((clean * 32_767).astype("<i2").tobytes())
    return file.getvalue()
