"""Any engine written for RealtimeTTS as one of ours.

Only RealtimeTTS's engine interface is used. Its stream, its sentence splitter and its player are not: cutting,
cancelling and bookkeeping are the server's, in front of ``synthesize``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from typing import Any

import numpy as np
from RealtimeTTS.engines.base_engine import BaseEngine

from tts_server.engines.base import AlwaysLoaded, EngineError, Samples, Voice
from tts_server.engines.voices import resolve_voice
from tts_server.wire import SpeechParameters

# PortAudio's sample formats (portaudio.h), in which RealtimeTTS engines declare what they put into their queue.
PA_FLOAT32 = 1
PA_INT16 = 8

_DTYPES: dict[int, np.dtype[Any]] = {PA_FLOAT32: np.dtype("<f4"), PA_INT16: np.dtype("<i2")}
_STOP_POLL_SECONDS = 0.01
_NOT_FOR_ENGINES = ("voice", "preset", "language", "preprocess_text")


class RealtimeTtsEngine(AlwaysLoaded):
    """Drains a RealtimeTTS engine's queue while the engine fills it from a thread of this object's.

    Such an engine has one voice set and one queue, so it speaks one text at a time.
    """

    concurrency = 1

    def __init__(self, engine: BaseEngine, default_voice: str | None = None, *, shifts_pitch: bool = False) -> None:
        """Wrap ``engine``, which must put raw PCM into its queue; ``shifts_pitch`` if it heeds ``pitch_shift``.

        Raises:
            EngineError: it puts something else there, such as MP3 or stereo.
            UnknownVoiceError: it has no ``default_voice``.
        """
        audio_format, channels, rate = engine.get_stream_info()
        if audio_format not in _DTYPES or channels != 1:
            raise EngineError(f"{engine.engine_name} gives neither 16-bit nor float32 mono PCM")
        self.name: str = engine.engine_name
        self.sample_rate: int = rate
        self.shifts_pitch = shifts_pitch
        self._engine = engine
        self._dtype = _DTYPES[audio_format]
        self._originals = {_described(original): original for original in engine.get_voices()}
        self._voices = tuple(self._originals)
        if not self._voices:
            raise EngineError(f"{self.name} has no voice")
        self._default = resolve_voice(self._voices, self._voices[0], default_voice, None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{self.name}-engine")

    def voices(self) -> Sequence[Voice]:
        """Every voice the engine lists."""
        return self._voices

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`."""
        return resolve_voice(self._voices, self._default, voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """As :meth:`SpeechEngine.synthesize`."""
        # A queue of this call's own: what a stopped engine still puts into its old one is never heard.
        chunks: queue.Queue[bytes | None] = queue.Queue()
        self._engine.queue = chunks
        job = self._thread.submit(self._speak, text, voice, parameters, chunks)
        try:
            yield from self._drain(chunks, stop)
        finally:
            self._end(job)
        if not stop.is_set():
            self._check(job)

    def _speak(self, text: str, voice: Voice, parameters: SpeechParameters, chunks: queue.Queue[bytes | None]) -> bool:
        try:
            self._engine.set_voice(self._originals[voice])
            given = {name: value for name, value in asdict(parameters).items() if name not in _NOT_FOR_ENGINES}
            self._engine.set_voice_parameters(**{name: value for name, value in given.items() if value is not None})
            return bool(self._engine.synthesize(text))
        finally:
            chunks.put(None)

    def _drain(self, chunks: queue.Queue[bytes | None], stop: threading.Event) -> Generator[Samples, None, None]:
        rest = b""
        while not stop.is_set():
            try:
                chunk = chunks.get(timeout=_STOP_POLL_SECONDS)
            except queue.Empty:
                continue
            if chunk is None:
                return
            # An engine that streams from a network may cut inside a sample.
            data = rest + chunk
            whole = len(data) - len(data) % self._dtype.itemsize
            rest = data[whole:]
            if whole:
                yield self._as_float(np.frombuffer(data[:whole], self._dtype))

    def _as_float(self, samples: np.ndarray[Any, Any]) -> Samples:
        if self._dtype.kind == "i":
            return (samples / np.float32(32768)).astype(np.float32)
        return samples.astype(np.float32)

    def _end(self, job: Future[bool]) -> None:
        # Again and again, since an engine clears the mark of a stop that comes just before it starts.
        while not job.done() and not job.cancel():
            self._engine.stop()
            wait([job], timeout=_STOP_POLL_SECONDS)

    def _check(self, job: Future[bool]) -> None:
        try:
            spoken = job.result()
        except Exception as error:
            raise EngineError(f"{self.name} failed: {error}") from error
        if not spoken:
            raise EngineError(f"{self.name} could not speak the text")

    def close(self) -> None:
        """Stop the engine and end the thread."""
        self._engine.stop()
        self._engine.shutdown()
        self._thread.shutdown(wait=True)


def _described(original: Any) -> Voice:
    if isinstance(original, Voice):
        return original
    name = str(getattr(original, "name", original))
    language = getattr(original, "language", None) or getattr(original, "language_code", None) or "en"
    return Voice(name, name, str(language))
