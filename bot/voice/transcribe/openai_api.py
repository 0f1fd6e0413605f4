"""A transcription server with OpenAI's API, behind the transcriber's seam."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import numpy as np

from audio.samples import HEARING_RATE
from audio.wav import to_wav
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.hallucinations import TELLING_SECONDS, HallucinationFilter
from bot.voice.transcribe.openai_responses import AnswerError, RateLimits, TranscriptionResponse, complaint, read_answer
from bot.voice.transcribe.transcriber import (
    Transcript,
    TranscriptionError,
    TranscriptionJob,
    TranscriptionQueue,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)
from config.sections import RecogniserSettings

_log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds from the end of a turn within which the server may be asked for its words again."""
ANSWER_LIMIT, SPECULATION_LIMIT = 20.0, 10.0
"""Seconds for a whole answer, and for one that may turn out not to be needed, besides the length of the sound."""
DELAYS = (0.3, 0.7, 1.5, 3.0)
"""Seconds before each next attempt at a server that failed without saying when to come back."""
LOOK_LIMIT = aiohttp.ClientTimeout(total=5.0)
MAX_ANSWER_BYTES = 1_000_000
AT_ONCE = 2
"""Requests under way at the same time."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
REFUSED_FIELDS = frozenset({400, 415, 422, 501})
USED_UP = "insufficient_quota"


@dataclass(frozen=True, slots=True)
class _Way:
    """How a server is asked. The verbose form tells how sure it is; not every model can answer so."""

    response_format: str
    hints: bool
    """Whether it is told what somebody usually speaks."""


WAYS = (_Way("verbose_json", hints=True), _Way("json", hints=True), _Way("json", hints=False))


class _RequestFailed(Exception):  # noqa: N818
    """One request came to nothing.

    ``passes``: another may do better. ``busy``: it was refused because there are too many. ``wait`` is how many
    seconds the server asks for. ``refused_field``: the server may not know one of its fields.
    """

    def __init__(
        self,
        text: str,
        *,
        passes: bool = False,
        busy: bool = False,
        wait: float | None = None,
        refused_field: bool = False,
    ) -> None:
        super().__init__(text)
        self.passes = passes
        self.busy = busy
        self.wait = wait
        self.refused_field = refused_field


class OpenAITranscriber:
    """A :class:`~bot.voice.transcribe.transcriber.Transcriber`; belongs to one event loop.

    What is final is asked for again when the server fails in a way that may pass, and waits when it has too much to
    do; speculation is given up then.

    Args:
        url: the server's whole base, to which only the endpoint's path is added.
        http: a session that outlives it.
        hallucinations: what of the answers is to be believed.
        clock, sleep: monotonic seconds, and letting them pass.
    """

    def __init__(
        self,
        url: str,
        settings: RecogniserSettings,
        http: aiohttp.ClientSession,
        corrections: Corrections,
        hallucinations: HallucinationFilter | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._host = url.partition("://")[2].partition("/")[0]
        self._settings = settings
        self._http = http
        self._corrections = corrections
        self._hallucinations = hallucinations or HallucinationFilter()
        self._clock = clock
        self._sleep = sleep
        self._limits = RateLimits(clock)
        self._way = 0
        self._queue = TranscriptionQueue()
        self._working: list[asyncio.Task[None]] = []

    def describe(self) -> str:
        """What it is and where it runs."""
        return f"{self._settings.server_model or 'its own model'} at {self._host}"

    async def problem(self) -> str | None:
        """Whether the server answers and takes the key; not every one lists its models."""
        url = f"{self._url}/models"
        try:
            async with self._http.get(url, headers=self._headers(), timeout=LOOK_LIMIT) as response:
                refused = response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
                if refused or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    return f"the recogniser at {self._host} answers with status {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError):
            return f"the recogniser at {self._host} can't be reached"
        return None

    async def warm_up(self) -> None:
        """Ask for a second of silence: the connection is open then. Raises :class:`TranscriptionError`."""
        silence = np.zeros(HEARING_RATE, np.float32)
        try:
            await self._ask(TranscriptionRequest(silence, Urgency.FINAL), ANSWER_LIMIT)
        except _RequestFailed as error:
            if not error.busy:
                raise TranscriptionError(str(error)) from error
            self._limits.refused(error.wait or 0.0)

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe; raises :class:`TranscriptionError`."""
        if request.urgency is not Urgency.FINAL and not self._limits.may_speculate:
            raise TranscriptionShed(f"{self._host} is too busy.")
        if not self._working:
            self._working = [asyncio.create_task(self._work(), name="transcriber") for _ in range(AT_ONCE)]
        job = TranscriptionJob(request, asyncio.get_running_loop().create_future(), self._clock())
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
            asking = asyncio.create_task(self._answer(job), name="question to the transcription server")
            try:
                either: list[asyncio.Future[Any]] = [asking, job.answer]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                # Where nobody waits for it any more the server is spared the work.
                if asking.done() and not job.answer.done():
                    job.answer.set_result(self._transcript(job, asking.result()))
            except TranscriptionError as error:
                job.answer.set_exception(error)
            except Exception:
                _log.exception("An answer of %s could not be used", self._host)
                job.answer.set_exception(TranscriptionError(f"I can't use the answer of {self._host}."))
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    def _transcript(self, job: TranscriptionJob, answer: TranscriptionResponse) -> Transcript:
        text = self._hallucinations.believe(answer.segments, job.request.sound, job.request.hot_words)
        return Transcript(self._corrections.apply(text), answer.language, self._clock() - job.asked_at)

    async def _answer(self, job: TranscriptionJob) -> TranscriptionResponse:
        """Ask until there is an answer, it is clear that none will come, or it takes too long."""
        final, delays = job.request.urgency is Urgency.FINAL, iter(DELAYS)
        give_up_at = job.asked_at + TIMEOUT + job.request.seconds
        limit = job.request.seconds + (ANSWER_LIMIT if final else SPECULATION_LIMIT)
        while True:
            if final and self._clock() + self._limits.wait >= give_up_at:
                raise TranscriptionError(f"{self._host} is too busy for {self._limits.wait:.0f} s.")
            if final:
                await self._sleep(self._limits.wait)
            elif not self._limits.may_speculate:
                raise TranscriptionShed(f"{self._host} is too busy.")
            left = max(1.0, give_up_at - self._clock())
            try:
                return await self._ask(job.request, min(left, limit))
            except _RequestFailed as error:
                wait = next(delays, None) if error.wait is None else error.wait
                if error.busy:
                    _log.info("%s Speculation stops for a while", error)
                    self._limits.refused(wait or 0.0)
                    self._queue.shed_speculation()
                if not final and error.passes:
                    raise TranscriptionShed(str(error)) from error
                if not (final and error.passes) or wait is None or self._clock() + wait >= give_up_at:
                    raise TranscriptionError(str(error)) from error
                _log.info("%s Asking again in %.1f s", error, wait)
                await self._sleep(wait)

    async def _ask(self, request: TranscriptionRequest, limit: float) -> TranscriptionResponse:
        """Ask in the way that works with this server; raises :class:`_RequestFailed`."""
        number = self._way
        while True:
            try:
                answer = await self._post(request, WAYS[number], limit)
            except _RequestFailed as error:
                number += 1
                if not error.refused_field or number == len(WAYS):
                    raise
            else:
                self._way = number
                return answer

    async def _post(self, request: TranscriptionRequest, way: _Way, limit: float) -> TranscriptionResponse:
        url = f"{self._url}/audio/transcriptions"
        try:
            async with (
                asyncio.timeout(limit),
                self._http.post(url, data=self._form(request, way), headers=self._headers()) as response,
            ):
                body = await self._read(response)
                status, wait = response.status, self._limits.asked_to_wait(response.headers)
        except TimeoutError as error:
            raise _RequestFailed(f"{self._host} gave no whole answer within {limit:.0f} s.", passes=True) from error
        except (aiohttp.ClientError, OSError) as error:
            text = f"The transcription server at {self._host} can't be reached, or hangs up."
            raise _RequestFailed(text, passes=True) from error
        if status >= 300:
            raise self._refusal(status, wait, body)
        try:
            return read_answer(body)
        except AnswerError as error:
            reason = f": {error}" if str(error) else ""
            told = f"{self._host} does not answer as a transcription server does{reason}."
            raise _RequestFailed(told, passes=_is_cut_off(body)) from error

    def _headers(self) -> dict[str, str]:
        key = self._settings.api_key
        return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}

    def _form(self, request: TranscriptionRequest, way: _Way) -> aiohttp.FormData:
        settings = self._settings
        form = aiohttp.FormData()
        form.add_field("file", to_wav(request.sound, HEARING_RATE), filename="speech.wav", content_type="audio/wav")
        form.add_field("model", settings.server_model or "whisper-1")
        form.add_field("response_format", way.response_format)
        usual = request.language if way.hints and request.seconds < TELLING_SECONDS else None
        if language := settings.language or usual:
            form.add_field("language", language)
        if request.hot_words:
            form.add_field("prompt", ", ".join(request.hot_words))
        return form

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The whole answer, in however many pieces it comes."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise _RequestFailed(f"{self._host} answers with more words than anybody can have said.")
        return bytes(body)

    def _refusal(self, status: int, wait: float | None, body: bytes) -> _RequestFailed:
        try:
            words = complaint(json.loads(body))
        except ValueError:
            words = ""
        passes = status in TRANSIENT and USED_UP.encode() not in body
        text = f"The transcription server at {self._host} answered {_explain(status, words, wait)}"
        return _RequestFailed(
            text,
            passes=passes,
            busy=passes and (status == 429 or wait is not None),
            wait=wait,
            refused_field=status in REFUSED_FIELDS,
        )


def _is_cut_off(body: bytes) -> bool:
    """Whether an answer without words broke off, or is a page of a proxy's: the next one may be whole."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text[:1] not in ("{", "["):
        return text[:1] in ("", "<")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _explain(status: int, words: str, wait: float | None) -> str:
    match status:
        case 401 | 403:
            return f"{status}: it does not accept STT_API_KEY."
        case 404:
            return "404: is STT_URL its whole base address, with /v1, and STT_MODEL one of its models?"
        case 429:
            return f"429: it is too busy{f', for {wait:.0f} s' if wait else ''}{f' ({words})' if words else ''}."
        case _:
            said = words.rstrip(".")
            return f"{status}: {said}." if said else f"{status}."
