"""faster-whisper in a process of its own, as a transcriber."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.voice.transcribe import compute
from bot.voice.transcribe.compute import ComputeDevice
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.hallucinations import HallucinationFilter, HeardSegment
from bot.voice.transcribe.transcriber import (
    Transcript,
    TranscriptionError,
    TranscriptionJob,
    TranscriptionQueue,
    TranscriptionRequest,
)
from bot.voice.transcribe.worker_process import WORKER, Worker, WorkerGoneError

FLOOR, CEILING = 2.0, 30.0
"""Seconds that it may always take, and the most for a sound of one of Whisper's windows, which last 30 s."""
WINDOW = 30.0
UNKNOWN = 15.0
"""Seconds that the first answer may take."""
TIMES_THE_USUAL = 4.0
REMEMBERED = 20
_SECONDS_A_UNIT = 5.0
"""Whisper's encoder takes as long for any sound; its decoder takes longer the more is said."""


class AnswerTimes:
    """The newest answers of one recogniser."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    def took(self, seconds: float, sound_seconds: float) -> None:
        """An answer came after so long."""
        self._recent.append(seconds / _units(sound_seconds))

    def too_long(self, sound_seconds: float, attempt: int = 1) -> float:
        """Seconds after which it may hang; twice as many with each attempt at the same sound."""
        usual: float | None = max(self._recent, default=None)
        limit = UNKNOWN if usual is None else TIMES_THE_USUAL * usual * _units(sound_seconds)
        ceiling = CEILING * max(1.0, sound_seconds / WINDOW)
        return min(max(limit, FLOOR), ceiling) * float(2 ** (attempt - 1))


def _units(sound_seconds: float) -> float:
    return 1.0 + sound_seconds / _SECONDS_A_UNIT


_log = logging.getLogger(__name__)

LOAD_LIMIT, LOAD_CEILING, LOAD_IDLE_LIMIT = 6.0, 300.0, 4.0
"""Loading may take so long: anyhow, while the process does something, and with a pause in which it does nothing."""
BUSY_FACTOR, SHORTEST_CEILING = 4.0, 60.0
"""So many times as long as where it may hang, but at least so many seconds, may it take while it is busy."""
REST_SECONDS = 120.0
"""How long the model stays in memory after a call."""
MAX_ATTEMPTS = 3
MOST_DEATHS = 2
"""Deaths or hangs in a row after which a graphics card is given up: libraries that are missing end the process."""


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """``model`` is a name or a folder, ``device`` auto, cpu, cuda or cuda:N; ``language`` ``None`` finds it out.

    ``compute_type`` is CTranslate2's; "auto" is float16 on a card and int8 on the CPU. Where that can't be had, others
    are tried, and the CPU last. ``remedy`` is a sentence that says how people get the model.
    """

    model: str
    device: str = "auto"
    threads: int = 1
    language: str | None = None
    compute_type: str = "auto"
    remedy: str = "Set STT_MODEL to the folder it is in."


def lies_in(folder: str) -> bool:
    """Whether a folder has a model in it, as far as its names tell. Blocks."""
    return (Path(folder) / "model.bin").is_file()


class WhisperTranscriber:
    """A :class:`~bot.voice.transcribe.transcriber.Transcriber`; belongs to one event loop.

    The process is started by the first :meth:`warm_up` or request, started again when it dies or hangs, and ended a
    while after :meth:`rest`. What was to be recognised meanwhile is kept, and asked for again.

    Args:
        hallucinations: what of the answers is to be believed.
        name: what people call the model.
        is_here: whether the model of the options, a name or a folder, is on this machine; may block.
        program: what Python runs as the process.
    """

    def __init__(
        self,
        options: WhisperOptions,
        corrections: Corrections,
        hallucinations: HallucinationFilter | None = None,
        *,
        name: str | None = None,
        is_here: Callable[[str], bool] = lies_in,
        rest_seconds: float = REST_SECONDS,
        program: Sequence[str] = WORKER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._corrections = corrections
        self._hallucinations = hallucinations or HallucinationFilter()
        self._program = program
        self._name = name or options.model
        self._is_here = is_here
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._queue = TranscriptionQueue()
        self._worker: Worker | None = None
        self._places: tuple[ComputeDevice, ...] = ()
        self._times = AnswerTimes()
        self._deaths = 0
        self._why_elsewhere = ""
        self._reasons: set[str] = set()
        self._starting = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._where = ""
        self._fault: str | None = None
        self._closed = False

    def describe(self) -> str:
        """What it is, where it runs, and why not where it was meant to."""
        why = f" ⚠️ Fallback, because {self._why_elsewhere}." if self._why_elsewhere else ""
        return f"faster-whisper {self._name}{self._where}{why}"

    async def problem(self) -> str | None:
        """Why it could not be loaded when that was last tried, or that there is nothing to load."""
        if self._fault is not None:
            return self._fault
        if self._worker is not None and self._worker.alive:
            return None
        model = self._options.model
        here = await asyncio.to_thread(self._is_here, model)
        return None if here else f"The Whisper model {model!r} is not on this machine. {self._options.remedy}"

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
        job = TranscriptionJob(request, asyncio.get_running_loop().create_future(), self._clock())
        self._queue.add(job)
        return await job.answer

    async def rest(self) -> None:
        """No call is on: the process ends after a while."""
        self._stay_awake()
        if self._closed:
            return
        self._resting = asyncio.create_task(self._end_later(), name="transcriber rest")

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        ending = [task for task in (self._resting, self._working) if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
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
        # A card that was full may have room next time.
        self._places = ()

    async def _work(self) -> None:
        while True:
            job = await self._queue.next()
            try:
                transcript = await self._do(job)
            except WorkerGoneError as error:
                await self._end_worker()
                if job.attempts < MAX_ATTEMPTS:
                    _log.warning("%s It is restarted, and asked again.", error)
                    self._queue.put_back(job)
                elif not job.answer.done():
                    job.answer.set_exception(TranscriptionError(str(error)))
            except TranscriptionError as error:
                if not job.answer.done():
                    job.answer.set_exception(error)
            except Exception:
                _log.exception("An answer of the transcriber's process could not be used")
                if not job.answer.done():
                    job.answer.set_exception(TranscriptionError("The transcriber failed."))
            else:
                if not job.answer.done():
                    job.answer.set_result(transcript)

    async def _do(self, job: TranscriptionJob) -> Transcript:
        job.attempts += 1
        request = job.request
        try:
            worker = await self._ready_worker()
        except TranscriptionError:
            job.attempts = MAX_ATTEMPTS
            raise
        began = self._clock()
        question = {"hot_words": ", ".join(request.hot_words) or None, "usual": request.language}
        limit = self._times.too_long(request.seconds, job.attempts)
        try:
            answer = await worker.ask(question, request.sound, limit, max(BUSY_FACTOR * limit, SHORTEST_CEILING))
        except WorkerGoneError as error:
            self._died(error)
            raise
        if fault := str(answer.get("error", "")):
            # A library may be found missing, or a card full, only now.
            if compute.is_about_place(fault) and self._give_up_place(fault):
                job.attempts -= 1
                raise WorkerGoneError("The transcriber failed.")
            raise TranscriptionError(f"The transcriber failed: {fault}")
        self._deaths = 0
        self._times.took(self._clock() - began, request.seconds)
        segments = [HeardSegment(*part) for part in answer["segments"]]
        text = self._hallucinations.believe(segments, request.sound, request.hot_words)
        return Transcript(
            self._corrections.apply(text),
            answer["language"],
            self._clock() - job.asked_at,
            answer["language_probability"],
        )

    async def _ready_worker(self) -> Worker:
        async with self._starting:
            if self._worker is not None and self._worker.alive:
                return self._worker
            try:
                worker = await self._loaded_worker()
            except (WorkerGoneError, TranscriptionError) as error:
                self._fault = str(error)
                raise
            self._fault = None
            return worker

    async def _loaded_worker(self) -> Worker:
        while True:
            worker = self._worker = await Worker.start(self._options.threads, self._program)
            try:
                await self._load(worker)
            except WorkerGoneError as error:
                await self._end_worker()
                self._died(error)
                if self._deaths >= MAX_ATTEMPTS:
                    raise
            except TranscriptionError:
                await self._end_worker()
                raise
            else:
                return worker

    async def _load(self, worker: Worker) -> None:
        """Load the model in the best place that works; raises :class:`TranscriptionError` where none does."""
        options = self._options
        if not self._places:
            planned = compute.plan(options.device, options.compute_type, await self._cards(worker))
            self._places, self._why_elsewhere = planned.places, ""
            if planned.reason:
                self._say_why(planned.reason)
        while True:
            place = self._places[0]
            load = {
                "model": options.model,
                "device": place.device,
                "index": place.index,
                "compute_type": place.compute_type,
                "threads": options.threads,
                "language": options.language,
            }
            answer = await worker.ask({"load": load}, None, LOAD_LIMIT, LOAD_CEILING, idle_limit=LOAD_IDLE_LIMIT)
            if answer.get("missing"):
                raise TranscriptionError(f"{answer['error']} {options.remedy}")
            if "error" not in answer:
                self._where = f" ({ComputeDevice(place.device, place.index, str(answer['compute_type']))})"
                self._times.took(float(answer["seconds"]), 1.0)
                return
            if not self._give_up_place(str(answer["error"])):
                why = compute.why_unusable(place, str(answer["error"]))
                raise TranscriptionError(
                    f"The Whisper model {options.model!r} can't be loaded: {why}. {options.remedy}"
                )

    async def _cards(self, worker: Worker) -> int:
        if self._options.device == compute.CPU:
            return 0
        answer = await worker.ask({"survey": True}, None, LOAD_LIMIT, LOAD_CEILING, idle_limit=LOAD_IDLE_LIMIT)
        return int(answer.get("cards", 0))

    def _died(self, error: WorkerGoneError) -> None:
        """The process ended, or was found hanging."""
        self._deaths += 1
        if self._deaths >= MOST_DEATHS and self._places and self._places[0].device == compute.CUDA:
            self._give_up_place(f"{str(error).rstrip('.')} on cuda, again and again: are cuBLAS and cuDNN there?")
            self._deaths = 0

    def _give_up_place(self, error: str) -> bool:
        """Go on in the next place that may work; returns whether there is one."""
        place = self._places[0]
        left = compute.without(self._places, place, error)
        if not left:
            return False
        self._places = left
        self._say_why(compute.why_unusable(place, error))
        return True

    def _say_why(self, reason: str) -> None:
        self._why_elsewhere = reason
        if reason not in self._reasons:
            self._reasons.add(reason)
            _log.warning("Speech recognition falls back: %s", reason)

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()
