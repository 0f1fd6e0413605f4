"""XTTS v2 as a ``CloningEngine``: one model in one thread. Other threads receive its sound as it is made."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from audio.samples import Samples
from config.speech_settings import Precision
from config.types import Device
from tts_server.engines.base import EngineError, LoadingReport, Voice
from tts_server.engines.memory_use import measure_memory, release_memory
from tts_server.engines.xtts.checkpoint import Checkpoint, read_checkpoint
from tts_server.engines.xtts.device import ON_PROCESSOR, ModelDevice
from tts_server.engines.xtts.latents import LatentsFolder
from tts_server.engines.xtts.learned_voices import LearnedVoices
from tts_server.engines.xtts.libraries import import_loading
from tts_server.engines.xtts.voice_list import VoiceList
from tts_server.voices.profile import VoiceProfile, VoiceProfileStore
from wire.parameters import SpeechParameters

if TYPE_CHECKING:
    from tts_server.engines.xtts.model import XttsModel

_log = logging.getLogger(__name__)

_STOP_POLL_SECONDS = 0.01

T = TypeVar("T")
_Pieces = queue.SimpleQueue[Samples | EngineError | None]


class XttsEngine:
    """A ``CloningEngine`` with XTTS v2. It is cheap to create: :meth:`load` reads the libraries and the weights.

    All the model's work is done in one thread, one piece of work after another. The callers don't touch the model: they
    read the sound from a queue. So a segment that is stopped ends at once, even if the model still finishes its current
    token, and a slow client does not hold up others.

    Args:
        model_dir: the folder with the weights.
        profiles: the voices that people have made.
        device: ``TTS_DEVICE``.
        precision: ``TTS_PRECISION``.
        deepspeed: whether DeepSpeed speeds up the language model.
        cache_dir: a folder for latents, the data that the model has learned about each voice; latents that are deleted
            there are learned again.
        default_voice: id or name of the voice for requests that name none.
    """

    name = "XTTS v2"
    concurrency = 1
    shifts_pitch = False
    expression = frozenset(
        {"temperature", "repetition_penalty", "top_k", "top_p", "gpt_cond_len", "gpt_cond_chunk_len"}
    )

    def __init__(
        self,
        model_dir: Path,
        profiles: VoiceProfileStore,
        device: Device,
        precision: Precision,
        deepspeed: bool,
        cache_dir: Path,
        default_voice: str | None = None,
    ) -> None:
        self._model_dir = model_dir
        self._profiles = profiles
        self._device = device
        self._precision = precision
        self._deepspeed = deepspeed
        self._latents_folder = LatentsFolder(cache_dir)
        checkpoint = _checkpoint_or_defaults(model_dir)
        self.sample_rate = checkpoint.sample_rate
        self._voice_list = VoiceList(profiles, cache_dir, checkpoint.languages, default_voice)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="xtts")
        self._model: XttsModel | None = None
        self._learned: LearnedVoices | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    @property
    def device(self) -> ModelDevice | None:
        """The device of the loaded model; ``None`` if it is not loaded."""
        model = self._model
        return model.device if model else None

    @property
    def advice(self) -> str | None:
        """Advice for the operator if the loaded model runs on the CPU, which is slow."""
        device = self.device
        return ON_PROCESSOR if device is not None and device.gpu is None else None

    def load(self, report: LoadingReport) -> None:
        """Load the libraries and the weights. It blocks for up to half a minute: call it in a thread.

        Raises:
            EngineError: something is missing or damaged.
            OutOfMemoryError: the GPU has too little free memory.
        """
        self._thread.submit(_without_trace, lambda: self._load(report)).result()

    def _load(self, report: LoadingReport) -> LearnedVoices:
        if self._learned is not None:
            return self._learned
        checkpoint = read_checkpoint(self._model_dir)
        report(0.0)
        before = measure_memory()
        loading = import_loading()
        model: XttsModel = loading.load_model(checkpoint, self._device, self._precision, self._deepspeed, report)
        self._voice_list.update(tuple(model.speakers), checkpoint.languages)
        learned = LearnedVoices(model, checkpoint, self._profiles, self._voice_list, self._latents_folder)
        _log.info("%s is loaded on %s: %s", self.name, model.device, before.change_until_now())
        if model.device.gpu is None:
            _log.warning("%s", ON_PROCESSOR)
        report(1.0)
        self.sample_rate = checkpoint.sample_rate
        self._model, self._learned = model, learned
        return learned

    def unload(self) -> None:
        """Free the memory of the model. CUDA itself keeps about 300 MB of the GPU until the process ends."""
        self._thread.submit(self._unload).result()

    def _unload(self) -> None:
        if self._model is None:
            return
        before = measure_memory()
        self._model = self._learned = None
        release_memory()
        _log.info("%s is unloaded: %s", self.name, before.change_until_now())

    def voices(self) -> Sequence[Voice]:
        """Return the voices that people have made, then the built-in voices, known only after the first loading."""
        return self._voice_list.voices()

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request. Every voice speaks every language of XTTS.

        Raises:
            UnknownVoiceError: there is no such voice, or XTTS does not speak the language.
        """
        return self._voice_list.resolve(voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, and yield its sound as the model makes it."""
        # Each call has its own queue, so that sound of a stopped segment is dropped.
        pieces: _Pieces = queue.SimpleQueue()
        abandoned = threading.Event()
        job = self._thread.submit(self._speak, text, voice, parameters, pieces, abandoned)
        try:
            while not stop.is_set():
                try:
                    piece = pieces.get(timeout=_STOP_POLL_SECONDS)
                except queue.Empty:
                    continue
                if piece is None:
                    return
                if isinstance(piece, EngineError):
                    raise piece
                yield piece
        finally:
            abandoned.set()
            job.cancel()

    def _speak(
        self, text: str, voice: Voice, parameters: SpeechParameters, pieces: _Pieces, abandoned: threading.Event
    ) -> None:
        def speak() -> None:
            if self._model is None or self._learned is None:
                raise EngineError(f"{self.name} is not loaded")
            latents = self._learned.latents(voice, parameters)
            for piece in self._model.speak(text, voice.language, latents, parameters, abandoned):
                pieces.put(piece)

        try:
            _without_trace(speak)
            pieces.put(None)
        except EngineError as error:
            pieces.put(error)

    def learn(self, profile: VoiceProfile) -> float:
        """Learn a voice, and return how similar the clone sounds (-1 to 1). Loads the model if needed. Blocks."""
        return self._thread.submit(_without_trace, lambda: self._load(_ignore_progress).likeness(profile)).result()

    def forget(self, voice: str) -> None:
        """Delete what was learned about the voice with this id, in memory and on the disk."""
        learned = self._learned
        if learned is not None:
            learned.forget(voice)
        self._latents_folder.forget(voice)

    def close(self) -> None:
        """Unload the model and end its thread."""
        self.unload()
        self._thread.shutdown(wait=True)


def _checkpoint_or_defaults(folder: Path) -> Checkpoint:
    try:
        return read_checkpoint(folder)
    except EngineError:
        # load() will report the problem. Until then assume the values that every XTTS v2 has.
        return Checkpoint(folder)


def _without_trace(work: Callable[[], T]) -> T:
    """Run ``work``; raise its errors again without their tracebacks, which would keep the model in memory."""
    try:
        return work()
    except EngineError as error:
        failure = type(error)(str(error))
    except Exception as error:
        _log.exception("XTTS v2 failed unexpectedly")
        failure = EngineError(f"XTTS v2 failed: {error!r}")
    release_memory()
    raise failure


def _ignore_progress(progress: float) -> None:
    """Ignore the progress of loading."""
