"""The local transcriber: faster-whisper in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path

from bot.voice.transcribe import compute
from bot.voice.transcribe.answer_times import AnswerTimes
from bot.voice.transcribe.compute import ComputeDevice
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.hallucinations import HallucinationFilter, TranscriptSegment
from bot.voice.transcribe.transcriber import (
    TimedWord,
    Transcript,
    TranscriptionError,
    TranscriptionJob,
    TranscriptionQueue,
    TranscriptionRequest,
    Urgency,
)
from bot.voice.transcribe.worker_process import WORKER, Worker, WorkerGoneError
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

LOAD_LIMIT, LOAD_CEILING, LOAD_IDLE_LIMIT = 6.0, 300.0, 4.0
"""Time limits of loading, in seconds.

After the first, loading is late. After the second, the process counts as hanging in any case. If loading is late, the
process counts as hanging after it was inactive for the last of these times.
"""
BUSY_FACTOR, SHORTEST_CEILING = 4.0, 60.0
"""Limits after which even an active process counts as hanging.

The first is a factor of the time limit of its answer, the second is in seconds. The longer of the two times counts.
"""
RELEASE_SECONDS = 120.0
"""Seconds for which the model stays in memory after a call."""
MAX_ATTEMPTS = 3
"""Maximum number of attempts for one request, and of deaths or hangs in a row while the process loads the model."""
MAX_DEATHS = 2
"""After this many deaths or hangs in a row, the GPU is no longer used. The cause may be a missing library."""


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """Options of faster-whisper.

    Attributes:
        model: name or folder of the model.
        device: device to compute on: auto, cpu, cuda or cuda:N. If it can't be used, others are tried, the CPU last.
        threads: number of threads on the CPU.
        language: Whisper's code for the language of all speakers; ``None`` if it has to be detected.
        compute_type: number format by CTranslate2's name; "auto" is float16 on a GPU and int8 on the CPU.
        remedy: sentence for people that says how to get the model.
        english: folder of the quick model for English, which is used if Whisper is on the CPU; ``None`` if Whisper
            recognises English too.
    """

    model: str
    device: str = "auto"
    threads: int = 1
    language: str | None = None
    compute_type: str = "auto"
    remedy: str = "Set STT_MODEL to the folder it is in."
    english: Path | None = None


def has_model(folder: str) -> bool:
    """True if the folder contains a model's file. Blocks on the disk."""
    return (Path(folder) / "model.bin").is_file()


class WhisperTranscriber:
    """The :class:`~bot.voice.transcribe.transcriber.Transcriber` that runs faster-whisper in a process.

    The process is started for the first :meth:`warm_up` or request, and ended some time after
    :meth:`release_memory`. If it dies or hangs, it is started again, and the requests are made again.

    Args:
        options: options of faster-whisper.
        corrections: the operator's corrections of transcripts.
        hallucinations: filter of hallucinations.
        name: name of the model for people.
        is_here: function that tells whether a model, by name or folder, is on this machine; may block.
        release_seconds: seconds for which the model stays in memory after :meth:`release_memory`.
        program: arguments of Python that run the process.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        options: WhisperOptions,
        corrections: Corrections,
        hallucinations: HallucinationFilter | None = None,
        *,
        name: str | None = None,
        is_here: Callable[[str], bool] = has_model,
        release_seconds: float = RELEASE_SECONDS,
        program: Sequence[str] = WORKER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._corrections = corrections
        self._hallucinations = hallucinations or HallucinationFilter()
        self._program = program
        self._name = name or options.model
        self._is_here = is_here
        self._release_seconds = release_seconds
        self._clock = clock
        self._queue = TranscriptionQueue()
        self._worker: Worker | None = None
        self._devices: tuple[ComputeDevice, ...] = ()
        self._times = AnswerTimes()
        self._deaths = 0
        self._fallback_reason = ""
        self._reasons: set[str] = set()
        self._starting = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._device_text = ""
        self._fault: str | None = None
        self._closed = False

    def describe(self) -> str:
        """The model and its device. If the device is a fallback, the reason is given too."""
        why = f" ⚠️ Fallback, because {self._fallback_reason}." if self._fallback_reason else ""
        return f"faster-whisper {self._name}{self._device_text}{why}"

    async def problem(self) -> str | None:
        """Why the last attempt to load the model failed, or the next one would fail; ``None`` if neither is so."""
        if self._fault is not None:
            return self._fault
        if self._worker is not None and self._worker.alive:
            return None
        model = self._options.model
        here = await asyncio.to_thread(self._is_here, model)
        return None if here else f"The Whisper model {model!r} is not on this machine. {self._options.remedy}"

    async def warm_up(self) -> None:
        """Load the model; raises :class:`TranscriptionError` if that fails."""
        self._cancel_release()
        try:
            await self._ready_worker()
        except WorkerGoneError as error:
            raise TranscriptionError(str(error)) from error

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn; raises :class:`TranscriptionError`."""
        self._cancel_release()
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="transcriber", context=Context())
        job = TranscriptionJob(request, asyncio.get_running_loop().create_future(), self._clock())
        self._queue.add(job)
        return await job.answer

    async def release_memory(self) -> None:
        """End the process after some time, unless a request comes before then."""
        self._cancel_release()
        if self._closed:
            return
        self._releasing = asyncio.create_task(self._end_later(), name="transcriber: release of memory")

    async def close(self) -> None:
        """End the process, and fail the requests that wait."""
        self._closed = True
        ending = [task for task in (self._releasing, self._working) if task is not None]
        await end_tasks(*ending)
        self._queue.fail(TranscriptionError("The transcriber was closed."))
        await self._end_worker()

    def _cancel_release(self) -> None:
        if self._releasing is not None:
            self._releasing.cancel()
            self._releasing = None

    async def _end_later(self) -> None:
        """End the process after ``release_seconds``, and forget which devices have failed."""
        await asyncio.sleep(self._release_seconds)
        _log.info("The transcriber gives its memory back")
        await self._end_worker()
        # All devices are tried again next time, since a GPU that was full may have room then.
        self._devices = ()

    async def _work(self) -> None:
        """Process the jobs of the queue one after the other, until the task is cancelled."""
        while True:
            job = await self._queue.next()
            try:
                transcript = await self._process(job)
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

    async def _process(self, job: TranscriptionJob) -> Transcript:
        """Ask the process for a transcript.

        Raises:
            WorkerGoneError: the process died or hung, or the model has to be loaded on another device.
            TranscriptionError: the model can't be loaded, or failed.
        """
        job.attempts += 1
        request = job.request
        try:
            worker = await self._ready_worker()
        except TranscriptionError:
            job.attempts = MAX_ATTEMPTS
            raise
        began = self._clock()
        # While the person speaks, the last word is often cut off, and thus improbable. Recognising the sound once more
        # would delay the final words.
        once = request.urgency < Urgency.SPECULATION
        question = {
            "hot_words": request.hint,
            "usual": request.language,
            "once": once,
            "word_times": request.word_times,
        }
        limit = self._times.time_limit(request.seconds, job.attempts)
        try:
            answer = await worker.ask(question, request.sound, limit, max(BUSY_FACTOR * limit, SHORTEST_CEILING))
        except WorkerGoneError as error:
            self._count_death(error)
            raise
        if fault := str(answer.get("error", "")):
            # A missing library, or a full GPU, may be noticed only now.
            if compute.is_device_error(fault) and self._give_up_device(fault):
                job.attempts -= 1
                raise WorkerGoneError("The transcriber failed.")
            raise TranscriptionError(f"The transcriber failed: {fault}")
        self._deaths = 0
        self._times.record(self._clock() - began, request.seconds)
        segments = [TranscriptSegment(*part) for part in answer["segments"]]
        text = self._hallucinations.filter(segments, request.sound, request.hot_words)
        return Transcript(
            self._corrections.apply(text),
            answer["language"],
            self._clock() - job.asked_at,
            answer["language_probability"],
            tuple(TimedWord(*word) for word in answer.get("words", ())),
        )

    async def _ready_worker(self) -> Worker:
        """The process with its model loaded; it is started if it does not run."""
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
        """Start the process and load the model. If the process dies or hangs, try again."""
        while True:
            worker = self._worker = await Worker.start(self._options.threads, self._program)
            try:
                await self._load(worker)
            except WorkerGoneError as error:
                await self._end_worker()
                self._count_death(error)
                if self._deaths >= MAX_ATTEMPTS:
                    raise
            except TranscriptionError:
                await self._end_worker()
                raise
            else:
                return worker

    async def _load(self, worker: Worker) -> None:
        """Load the model on the best device that works; raises :class:`TranscriptionError` if none does."""
        options = self._options
        if not self._devices:
            planned = compute.plan(options.device, options.compute_type, await self._gpus(worker))
            self._devices, self._fallback_reason = planned.devices, ""
            if planned.reason:
                self._report_fallback(planned.reason)
        while True:
            device = self._devices[0]
            load = {
                "model": options.model,
                "device": device.kind,
                "index": device.index,
                "compute_type": device.compute_type,
                "threads": options.threads,
                "language": options.language,
            }
            # On a graphics card Whisper is quick enough by itself, and knows what the quick model does not: hot words.
            english = str(options.english) if options.english is not None and device.kind == compute.CPU else None
            question = {"load": load, "english": english}
            answer = await worker.ask(question, None, LOAD_LIMIT, LOAD_CEILING, idle_limit=LOAD_IDLE_LIMIT)
            if answer.get("missing"):
                raise TranscriptionError(f"{answer['error']} {options.remedy}")
            if "error" not in answer:
                self._device_text = f" ({ComputeDevice(device.kind, device.index, str(answer['compute_type']))})"
                if answer.get("english"):
                    self._device_text += ", and Moonshine for English"
                elif fault := answer.get("english_fault"):
                    _log.warning("The model for English can't be used, so Whisper recognises English too: %s", fault)
                    self._device_text += f". ⚠️ The model for English in {options.english} can't be used"
                self._times.record(float(answer["seconds"]), 1.0)
                return
            if not self._give_up_device(str(answer["error"])):
                why = compute.why_unusable(device, str(answer["error"]))
                raise TranscriptionError(
                    f"The Whisper model {options.model!r} can't be loaded: {why}. {options.remedy}"
                )

    async def _gpus(self, worker: Worker) -> int:
        """The number of usable GPUs; 0 if the settings want the CPU."""
        if self._options.device == compute.CPU:
            return 0
        answer = await worker.ask({"count_gpus": True}, None, LOAD_LIMIT, LOAD_CEILING, idle_limit=LOAD_IDLE_LIMIT)
        return int(answer.get("gpus", 0))

    def _count_death(self, error: WorkerGoneError) -> None:
        """Count that the process died or hung. After :data:`MAX_DEATHS` times in a row, its GPU is no longer used."""
        self._deaths += 1
        if self._deaths >= MAX_DEATHS and self._devices and self._devices[0].kind == compute.CUDA:
            self._give_up_device(f"{str(error).rstrip('.')} on cuda, again and again: are cuBLAS and cuDNN there?")
            self._deaths = 0

    def _give_up_device(self, error: str) -> bool:
        """Choose the next device that may work; returns False if there is none."""
        device = self._devices[0]
        left = compute.remaining(self._devices, device, error)
        if not left:
            return False
        self._devices = left
        self._report_fallback(compute.why_unusable(device, error))
        return True

    def _report_fallback(self, reason: str) -> None:
        """Remember the reason of the fallback, and log it once."""
        self._fallback_reason = reason
        if reason not in self._reasons:
            self._reasons.add(reason)
            _log.warning("Speech recognition falls back to another device or number format: %s", reason)

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()
