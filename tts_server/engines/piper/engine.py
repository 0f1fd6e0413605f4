"""Piper as a ``SpeechEngine``: any number of its voices, each loaded when it first speaks."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Sequence

import numpy as np
import onnxruntime
import soxr

from audio.samples import Samples
from tts_server.engines.base import AlwaysLoaded, BrokenVoiceError, EngineError, Voice
from tts_server.engines.memory_use import release_memory
from tts_server.engines.model_thread import ModelThread, PutSamples
from tts_server.engines.onnx_speech import stream_speech
from tts_server.engines.piper.loaded_voice import LoadedVoice
from tts_server.engines.piper.voice_files import VoiceFile
from tts_server.engines.voice_lookup import resolve_voice
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

PREFIX = "piper:"
"""Prefix of the ids of Piper's voices."""
MAX_LOADED = 3
"""Largest number of voices in memory at the same time. Each voice takes about 100 MB."""
THREADS = 2

_log = logging.getLogger(__name__)


class PiperEngine(AlwaysLoaded):
    """A ``SpeechEngine`` with Piper's voices.

    Each voice's network is loaded when the voice first speaks. The networks stay in memory, because they are small and
    need no GPU. All sound is resampled to the default voice's rate. Piper itself changes the speed; the server changes
    the pitch.

    Args:
        files: the voices, at least one.
        default_voice: id or name of the voice for requests that name none.
        threads: the number of threads that compute one text.

    Raises:
        UnknownVoiceError: no voice has the id or name ``default_voice``.
    """

    name = "piper"
    concurrency = 1
    shifts_pitch = False

    def __init__(self, files: Sequence[VoiceFile], default_voice: str | None = None, threads: int = THREADS) -> None:
        self._speakers: dict[str, tuple[VoiceFile, int | None]] = {}
        self._voices: list[Voice] = []
        for file in files:
            self._add_file(file)
        english = [voice for voice in self._voices if voice.language.startswith("en")]
        self._default = (english or self._voices)[0]
        if default_voice is not None:
            self._default = self.resolve(default_voice, None)
        self.sample_rate = self._file(self._default).description.audio.sample_rate
        self._threads = threads
        self._thread = ModelThread("piper")
        self._loaded: OrderedDict[str, LoadedVoice] = OrderedDict()
        # Voices that can't be loaded, by name: the time of their file's last change, and the error message.
        self._broken: dict[str, tuple[int, str]] = {}

    def _add_file(self, file: VoiceFile) -> None:
        self._add(file, file.name, None)
        for speaker, number in file.description.speaker_id_map.items():
            if file.description.num_speakers > 1:
                self._add(file, f"{file.name}:{speaker}", number)

    def _add(self, file: VoiceFile, name: str, speaker: int | None) -> None:
        voice = Voice(f"{PREFIX}{name}", name, file.language)
        self._voices.append(voice)
        self._speakers[voice.id] = (file, speaker)

    def _file(self, voice: Voice) -> VoiceFile:
        return self._speakers[voice.id][0]

    def load_default(self) -> None:
        """Load the default voice, so that the first text does not wait for it. It blocks for about a second.

        Raises:
            EngineError: the voice can't be loaded; the message says why.
        """
        self._thread.run(lambda: self._loaded_voice(self._file(self._default)))

    def voices(self) -> Sequence[Voice]:
        """Return every voice; a voice with several speakers is followed by one entry for each speaker."""
        return self._voices

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request. A voice may also be named by its dataset: ``joe`` for ``en_US-joe-medium``.

        Raises:
            UnknownVoiceError: there is no such voice, or none for that language.
        """
        try:
            return resolve_voice(self._voices, self._default, voice, language)
        except UnknownVoiceError:
            if voice is None or (known := self._by_dataset(voice)) is None:
                raise
            return known

    def _by_dataset(self, name: str) -> Voice | None:
        found = [voice for voice in self._voices if _dataset(voice) == name.strip().casefold()]
        return found[0] if len(found) == 1 else None

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, and yield its sound piece by piece. The first piece is short."""
        return stream_speech(
            self._thread,
            "piper",
            stop,
            lambda options, put: self._speak(text, voice, parameters.speed or 1.0, options, put),
        )

    def _speak(self, text: str, voice: Voice, speed: float, options: onnxruntime.RunOptions, put: PutSamples) -> None:
        file, speaker = self._speakers[voice.id]
        loaded = self._loaded_voice(file)
        pieces = loaded.speak(text, speaker, speed, options)
        if loaded.rate == self.sample_rate:
            for piece in pieces:
                put(piece)
            return
        resampler = soxr.ResampleStream(loaded.rate, self.sample_rate, 1, dtype="float32")
        for piece in pieces:
            put(resampler.resample_chunk(piece))
        put(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def _loaded_voice(self, file: VoiceFile) -> LoadedVoice:
        """Return the loaded voice; to make room, unload the least recently used voice, but never the default."""
        if (loaded := self._loaded.get(file.name)) is None:
            loaded = self._loaded[file.name] = self._load(file)
        self._loaded.move_to_end(file.name)
        default = self._file(self._default).name
        while len(self._loaded) > MAX_LOADED:
            del self._loaded[next(name for name in self._loaded if name != default)]
        return loaded

    def _load(self, file: VoiceFile) -> LoadedVoice:
        """Load a voice. A voice that failed before is tried again only if its file has changed since."""
        written, fault = self._broken.get(file.name, (None, ""))
        now = _written_at(file)
        if written == now:
            raise BrokenVoiceError(fault)
        began = time.monotonic()
        try:
            loaded = LoadedVoice(file, self._threads)
        except EngineError as error:
            self._broken[file.name] = (now, str(error))
            raise BrokenVoiceError(str(error)) from error
        # Loading divides the network into parts, which needs twice its memory for a moment.
        release_memory()
        _log.info("Piper's voice %s was loaded in %.1f s", file.name, time.monotonic() - began)
        return loaded

    def wait(self) -> None:
        """Block until the engine's thread has finished all its work, including stopped texts."""
        self._thread.run(lambda: None)

    def close(self) -> None:
        """End the thread and unload the voices."""
        self._thread.close()
        self._loaded.clear()


def _written_at(file: VoiceFile) -> int:
    try:
        return file.model.stat().st_mtime_ns
    except OSError:
        return 0


def _dataset(voice: Voice) -> str:
    """Return the dataset in a voice's name: ``joe`` of ``en_US-joe-medium``."""
    parts = voice.name.split("-")
    return parts[1].casefold() if len(parts) > 2 else ""
