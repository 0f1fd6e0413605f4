"""XTTS v2 as a speech engine: one model, the one thread that it belongs to, and its sound handed over as it comes."""

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
from tts_server.voices.profile import Profiles, VoiceProfile
from wire.parameters import SpeechParameters

if TYPE_CHECKING:
    from tts_server.engines.xtts.model import XttsModel

_log = logging.getLogger(__name__)

_STOP_POLL_SECONDS = 0.01

T = TypeVar("T")
_Pieces = queue.SimpleQueue[Samples | EngineError | None]


class XttsEngine:
    """A ``CloningEngine``. Cheap to make: libraries and weights are read at :meth:`load`.

    All that the model does it does in one thread, one after the other. So a segment that is stopped returns at once,
    though the model first finishes the token that it is at; and a slow client doesn't keep the model from others.

    Args:
        model_dir: where the weights are.
        profiles: the voices that people made.
        device: where it is to compute.
        precision: in what numbers.
        deepspeed: whether DeepSpeed is to speed up the language model.
        cache_dir: keeps what was learnt of voices; what is deleted there is learnt again.
        default_voice: id or name of the voice to speak with where none is asked for.
    """

    name = "XTTS v2"
    concurrency = 1
    shifts_pitch = False

    def __init__(
        self,
        model_dir: Path,
        profiles: Profiles,
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
        self._kept = LatentsFolder(cache_dir)
        checkpoint = _checkpoint_so_far(model_dir)
        self.sample_rate = checkpoint.sample_rate
        self._speakers = VoiceList(profiles, cache_dir, checkpoint.languages, default_voice)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="xtts")
        self._model: XttsModel | None = None
        self._learnt: LearnedVoices | None = None

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    @property
    def device(self) -> ModelDevice | None:
        """Where the loaded model computes."""
        model = self._model
        return model.device if model else None

    @property
    def advice(self) -> str | None:
        """What whoever runs the server should be told about where the loaded model computes, in words for people."""
        device = self.device
        return ON_PROCESSOR if device is not None and device.gpu is None else None

    def load(self, report: LoadingReport) -> None:
        """As :meth:`SpeechEngine.load`; takes seconds to half a minute."""
        self._thread.submit(_without_trace, lambda: self._load(report)).result()

    def _load(self, report: LoadingReport) -> LearnedVoices:
        if self._learnt is not None:
            return self._learnt
        checkpoint = read_checkpoint(self._model_dir)
        report(0.0)
        before = measure_memory()
        loading = import_loading()
        model: XttsModel = loading.load_model(checkpoint, self._device, self._precision, self._deepspeed, report)
        self._speakers.know(tuple(model.speakers), checkpoint.languages)
        learnt = LearnedVoices(model, checkpoint, self._profiles, self._speakers, self._kept)
        _log.info("%s is loaded on %s: %s", self.name, model.device, before.change_until_now())
        if model.device.gpu is None:
            _log.warning("%s", ON_PROCESSOR)
        report(1.0)
        self.sample_rate = checkpoint.sample_rate
        self._model, self._learnt = model, learnt
        return learnt

    def unload(self) -> None:
        """As :meth:`SpeechEngine.unload`. CUDA itself keeps some 300 MB of the card until the process ends."""
        self._thread.submit(self._unload).result()

    def _unload(self) -> None:
        if self._model is None:
            return
        before = measure_memory()
        self._model = self._learnt = None
        release_memory()
        _log.info("%s is unloaded: %s", self.name, before.change_until_now())

    def voices(self) -> Sequence[Voice]:
        """As :meth:`SpeechEngine.voices`: people's first; those that come with the weights once it has been loaded."""
        return self._speakers.voices()

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`; every voice speaks every language that XTTS does."""
        return self._speakers.resolve(voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """As :meth:`SpeechEngine.synthesize`."""
        # A queue of this call's own: what a stopped segment still puts into its old one is never heard.
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
            if self._model is None or self._learnt is None:
                raise EngineError(f"{self.name} is not loaded")
            latents = self._learnt.latents(voice, parameters)
            for piece in self._model.speak(text, voice.language, latents, parameters, abandoned):
                pieces.put(piece)

        try:
            _without_trace(speak)
            pieces.put(None)
        except EngineError as error:
            pieces.put(error)

    def learn(self, profile: VoiceProfile) -> float:
        """As :meth:`CloningEngine.learn`."""
        return self._thread.submit(_without_trace, lambda: self._load(_nobody).likeness(profile)).result()

    def forget(self, voice: str) -> None:
        """As :meth:`CloningEngine.forget`."""
        learnt = self._learnt
        if learnt is not None:
            learnt.forget(voice)
        self._kept.forget(voice)

    def close(self) -> None:
        """Unload, and end the thread."""
        self.unload()
        self._thread.shutdown(wait=True)


def _checkpoint_so_far(folder: Path) -> Checkpoint:
    try:
        return read_checkpoint(folder)
    except EngineError:
        # Loading says what is wrong; until then what every XTTS v2 has will do.
        return Checkpoint(folder)


def _without_trace(work: Callable[[], T]) -> T:
    """Do ``work``; its errors lose their tracebacks, which would keep the model, or half of one, in memory."""
    try:
        return work()
    except EngineError as error:
        failure = type(error)(str(error))
    except Exception as error:
        _log.exception("XTTS v2 failed unexpectedly")
        failure = EngineError(f"XTTS v2 failed: {error!r}")
    release_memory()
    raise failure


def _nobody(progress: float) -> None:
    """Somebody who doesn't ask how far loading is."""
