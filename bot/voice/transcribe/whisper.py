"""faster-whisper in a process of its own, behind the transcriber's seam."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from bot.services import ROOT
from bot.voice.receive.heard import Sound16
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.queueing import Job, TranscriptionQueue
from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionRequest
from bot.voice.transcribe.worker_wire import PREFIX, decode, encode, lengths

_log = logging.getLogger(__name__)

LOAD_LIMIT = 120.0
ANSWER_LIMIT = 60.0
REST_SECONDS = 120.0
"""How long the model stays in memory after a call."""
MAX_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """``model`` is a name or a folder, ``device`` auto, cpu or cuda; ``language`` ``None`` finds it out each time.

    ``compute_type`` is CTranslate2's; "auto" is float16 on a card and int8 on the CPU.
    """

    model: str
    device: str = "auto"
    threads: int = 1
    language: str | None = None
    compute_type: str = "auto"


class WorkerGoneError(Exception):
    """The process has ended, or does not answer."""


class WhisperTranscriber:
    """A :class:`~bot.voice.transcribe.transcriber.Transcriber`; belongs to one event loop.

    The process is started by the first :meth:`warm_up` or request, started again when it dies, and ended a while after
    :meth:`rest`.

    Args:
        name: what people call the model.
    """

    def __init__(
        self,
        options: WhisperOptions,
        corrections: Corrections,
        *,
        name: str | None = None,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._corrections = corrections
        self._name = name or options.model
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._queue = TranscriptionQueue()
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._where = ""

    def describe(self) -> str:
        """What it is and where it runs."""
        return f"faster-whisper {self._name}{self._where}"

    async def warm_up(self) -> None:
        """Load the model; raises :class:`TranscriptionError` where that can't be done."""
        self._stay_awake()
        try:
            await self._ready_worker()
        except WorkerGoneError as error:
            raise TranscriptionError(str(error)) from error

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe; raises :class:`TranscriptionError`."""
        self._stay_awake()
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="transcriber")
        job = Job(request, asyncio.get_running_loop().create_future(), self._clock())
        self._queue.add(job)
        return await job.answer

    async def rest(self) -> None:
        """No call is on: the process ends after a while."""
        self._stay_awake()
        self._resting = asyncio.create_task(self._end_later(), name="transcriber rest")

    async def close(self) -> None:
        """End the process."""
        self._stay_awake()
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        self._queue.fail(TranscriptionError("The transcriber was closed."))
        await self._end_worker()

    def _stay_awake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    async def _end_later(self) -> None:
        await asyncio.sleep(self._rest_seconds)
        _log.info("The transcriber gives its memory back")
        await self._end_worker()

    async def _work(self) -> None:
        while True:
            job = await self._queue.next()
            try:
                transcript = await self._do(job)
            except WorkerGoneError as error:
                await self._end_worker()
                if job.attempts < MAX_ATTEMPTS:
                    self._queue.put_back(job)
                elif not job.answer.done():
                    job.answer.set_exception(TranscriptionError(str(error)))
            except TranscriptionError as error:
                if not job.answer.done():
                    job.answer.set_exception(error)
            else:
                if not job.answer.done():
                    job.answer.set_result(transcript)

    async def _do(self, job: Job) -> Transcript:
        job.attempts += 1
        try:
            worker = await self._ready_worker()
        except TranscriptionError:
            job.attempts = MAX_ATTEMPTS
            raise
        hot_words = ", ".join(job.request.hot_words) or None
        answer = await worker.ask({"hot_words": hot_words}, job.request.sound, ANSWER_LIMIT)
        text, language = answer.get("text"), answer.get("language")
        if not isinstance(text, str):
            raise TranscriptionError(str(answer.get("error", "The transcriber gave no text.")))
        corrected = self._corrections.apply(text)
        return Transcript(corrected, language if isinstance(language, str) else None, self._clock() - job.asked_at)

    async def _ready_worker(self) -> _Worker:
        async with self._starting:
            if self._worker is not None and self._worker.alive:
                return self._worker
            options = self._options
            worker = self._worker = await _Worker.start(options.threads)
            load = {
                "model": options.model,
                "device": options.device,
                "threads": options.threads,
                "language": options.language,
                "compute_type": options.compute_type,
            }
            answer = await worker.ask({"load": load}, None, LOAD_LIMIT)
            if "error" in answer:
                await self._end_worker()
                raise TranscriptionError(str(answer["error"]))
            self._where = f" ({answer.get('device')}, {answer.get('compute_type')})"
            return worker

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()


class _Worker:
    """The process: one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._asking = asyncio.Lock()

    @classmethod
    async def start(cls, threads: int) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.voice.transcribe.worker",
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C reaches the bot alone, which ends this one by closing its input.
            start_new_session=True,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, header: dict[str, Any], sound: Sound16 | None, limit: float) -> dict[str, Any]:
        """Ask; raises :class:`WorkerGoneError`."""
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerGoneError("The transcriber has no streams.")
        number = next(self._numbers)
        async with self._asking:
            try:
                async with asyncio.timeout(limit):
                    self._process.stdin.write(encode({"id": number, **header}, sound))
                    await self._process.stdin.drain()
                    return await self._answer(self._process.stdout, number)
            except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
                raise WorkerGoneError("The transcriber's process ended, or does not answer.") from error

    @staticmethod
    async def _answer(stream: asyncio.StreamReader, number: int) -> dict[str, Any]:
        while True:
            head, body = lengths(await stream.readexactly(PREFIX))
            header, _ = decode(await stream.readexactly(head), await stream.readexactly(body))
            # The answer to a question that nobody waits for any more is passed over.
            if header.get("id") == number:
                return header

    async def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
