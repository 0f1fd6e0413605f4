"""The transcriber that asks a server with OpenAI's transcription API."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

import aiohttp
import numpy as np

from audio.samples import HEARING_RATE
from bot.metering import UNMETERED, Meter, Paid
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.hallucinations import HallucinationFilter
from bot.voice.transcribe.openai_requests import REQUEST_FORMATS, RequestFailed, RequestFormat, TranscriptionEndpoint
from bot.voice.transcribe.openai_responses import RateLimits, TranscriptionResponse
from bot.voice.transcribe.transcriber import (
    SoundRefusedError,
    Transcript,
    TranscriptionError,
    TranscriptionJob,
    TranscriptionLimitError,
    TranscriptionQueue,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)
from config.engine_sections import RecogniserSettings
from config.hosts import costs_money
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds, plus the duration of the sound, after which a final request (for a turn that is over) is given up.

All attempts together may take this long.
"""
ANSWER_LIMIT, SPECULATION_LIMIT = 20.0, 10.0
"""Maximum number of seconds for one attempt of a final request, and of any other. The sound's duration is added."""
DELAYS = (0.3, 0.7, 1.5, 3.0)
"""Seconds before each further attempt if the server failed. If it asks for a longer wait, it gets that."""
MAX_REQUESTS = 2
"""Maximum number of requests at the same time."""


class OpenAITranscriber:
    """The :class:`~bot.voice.transcribe.transcriber.Transcriber` that asks a server. Use it on one event loop.

    A final request is made again if the server has a temporary error, and it waits while the server is busy. Other
    requests are dropped in these cases.

    Args:
        url: base URL of the server, with its version. Only the path of the endpoint is added.
        settings: key, model and language.
        http: session for the requests. It must outlive the transcriber.
        corrections: the operator's corrections of transcripts.
        hallucinations: filter of hallucinations.
        meter: counts the sound that is sent.
        clock: returns monotonic seconds.
        sleep: function that waits for some seconds.
    """

    def __init__(
        self,
        url: str,
        settings: RecogniserSettings,
        http: aiohttp.ClientSession,
        corrections: Corrections,
        hallucinations: HallucinationFilter | None = None,
        *,
        meter: Meter = UNMETERED,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.paid = costs_money(url, settings.api_key)
        self._settings = settings
        self._meter = meter
        self._corrections = corrections
        self._hallucinations = hallucinations or HallucinationFilter()
        self._clock = clock
        self._sleep = sleep
        self._limits = RateLimits(clock)
        self._endpoint = TranscriptionEndpoint(url, settings, http, self._limits.asked_to_wait)
        self.host = self._endpoint.host
        self.is_patient: Callable[[], bool] = lambda: True
        """True: a failed final request is repeated after each of :data:`DELAYS`, up to its time limit. False: it is
        repeated at most once, because another server can answer.
        """
        self._format = 0  # index in REQUEST_FORMATS of the format that the server accepts
        self._queue = TranscriptionQueue()
        self._working: list[asyncio.Task[None]] = []

    def describe(self) -> str:
        """The model and the server's host."""
        return f"{self._settings.server_model or 'its own model'} at {self.host}"

    async def problem(self) -> str | None:
        """The reason for which the server can't be used: no answer, or the key is refused. ``None`` if it can."""
        return await self._endpoint.problem()

    async def warm_up(self) -> None:
        """Transcribe a second of silence, which opens the connection; raises :class:`TranscriptionError`.

        A server that costs money gets no sound: it is only asked whether it can be used.
        """
        if self.paid:
            if (why := self._meter.refusal(Paid.SPEECH)) is not None:
                raise TranscriptionLimitError(why)
            if (problem := await self.problem()) is not None:
                raise TranscriptionError(f"{problem[:1].upper()}{problem[1:]}.")
            return
        silence = np.zeros(HEARING_RATE, np.float32)
        try:
            await self._ask(TranscriptionRequest(silence, Urgency.FINAL), ANSWER_LIMIT)
        except RequestFailed as error:
            if not error.busy:
                raise TranscriptionError(str(error)) from error
            self._limits.record_refusal(error.wait or 0.0)

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn; raises :class:`TranscriptionError`."""
        final = request.urgency is Urgency.FINAL
        if self.paid and (why := self._meter.refusal(Paid.SPEECH, guess=not final)) is not None:
            raise (TranscriptionLimitError if final else TranscriptionShed)(why)
        if not final and not self._limits.may_speculate:
            raise TranscriptionShed(f"{self.host} is too busy.")
        if not self._working:
            self._working = [
                asyncio.create_task(self._work(), name="transcriber", context=Context()) for _ in range(MAX_REQUESTS)
            ]
        job = TranscriptionJob(request, asyncio.get_running_loop().create_future(), self._clock())
        self._queue.add(job)
        return await job.answer

    async def release_memory(self) -> None:
        """Do nothing, since the server uses no memory of this process."""

    async def close(self) -> None:
        """End all requests, and fail those that wait."""
        await end_tasks(*self._working)
        self._queue.fail(TranscriptionError("The transcriber was closed."))

    async def _work(self) -> None:
        """Process jobs of the queue one after the other, until the task is cancelled."""
        while True:
            job = await self._queue.next()
            asking = asyncio.create_task(self._answer(job), name="question to the transcription server")
            try:
                either: list[asyncio.Future[Any]] = [asking, job.answer]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                # If the caller has cancelled the job, the request is cancelled too, to spare the server the work.
                if asking.done() and not job.answer.done():
                    job.answer.set_result(self._transcript(job, asking.result()))
            except TranscriptionError as error:
                job.answer.set_exception(error)
            except Exception:
                _log.exception("An answer of %s could not be used", self.host)
                job.answer.set_exception(TranscriptionError(f"I can't use the answer of {self.host}."))
            finally:
                await end_tasks(asking)

    def _transcript(self, job: TranscriptionJob, answer: TranscriptionResponse) -> Transcript:
        """The transcript of a response, without hallucinations and with the operator's corrections."""
        text = self._hallucinations.filter(answer.segments, job.request.sound, job.request.hot_words)
        return Transcript(self._corrections.apply(text), answer.language, self._clock() - job.asked_at)

    async def _answer(self, job: TranscriptionJob) -> TranscriptionResponse:
        """Ask until there is an answer, a permanent error, or a timeout; raises :class:`TranscriptionError`."""
        final, delays = job.request.urgency is Urgency.FINAL, iter(DELAYS if self.is_patient() else DELAYS[:1])
        give_up_at = job.asked_at + TIMEOUT + job.request.seconds
        limit = job.request.seconds + (ANSWER_LIMIT if final else SPECULATION_LIMIT)
        while True:
            if final and self._clock() + self._limits.wait >= give_up_at:
                raise TranscriptionError(f"{self.host} is too busy for {self._limits.wait:.0f} s.")
            if final:
                await self._sleep(self._limits.wait)
            elif not self._limits.may_speculate:
                raise TranscriptionShed(f"{self.host} is too busy.")
            left = max(1.0, give_up_at - self._clock())
            try:
                return await self._ask(job.request, min(left, limit))
            except RequestFailed as error:
                delay = next(delays, None)
                # A server that asks for a wait of 0 s, or names a time that is past, is asked again only after a pause.
                wait = delay if error.wait is None else max(error.wait, delay or DELAYS[-1])
                if error.busy:
                    _log.info("%s For a while, speech is transcribed only when a turn is over", error)
                    self._limits.record_refusal(wait or 0.0)
                    self._queue.drop_all_but_final()
                if not final and error.temporary:
                    raise TranscriptionShed(str(error)) from error
                if not (final and error.temporary) or wait is None or self._clock() + wait >= give_up_at:
                    kind = SoundRefusedError if error.about_request else TranscriptionError
                    raise kind(str(error)) from error
                _log.info("%s Asking again in %.1f s", error, wait)
                await self._sleep(wait)

    async def _ask(self, request: TranscriptionRequest, limit: float) -> TranscriptionResponse:
        """Send a request in the best format that the server accepts; raises :class:`RequestFailed`."""
        number = self._format
        while True:
            try:
                answer = await self._post(request, REQUEST_FORMATS[number], limit)
            except RequestFailed as error:
                number += 1
                if not error.refused_field or number == len(REQUEST_FORMATS):
                    raise
            else:
                self._format = number
                return answer

    async def _post(
        self, request: TranscriptionRequest, request_format: RequestFormat, limit: float
    ) -> TranscriptionResponse:
        """Send one HTTP request with a time limit in seconds; raises :class:`RequestFailed`.

        The sound counts as used unless the server can't be reached or refuses it. It counts even if the answer is
        dropped.
        """
        used = True
        try:
            return await self._endpoint.send(request, request_format, limit)
        except RequestFailed as error:
            used = error.used
            raise
        finally:
            if used:
                self._meter.heard(request.account, self.host, request.seconds, paid=self.paid)
