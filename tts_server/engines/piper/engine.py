"""Piper as a speech engine: any number of its voices, in this process, each loaded when it first speaks."""

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
from tts_server.engines.piper.loaded_voice import LoadedVoice
from tts_server.engines.piper.voice_files import VoiceFile
from tts_server.engines.voice_lookup import resolve_voice
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

PREFIX = "piper:"
"""Of its voices' ids."""
MOST_LOADED = 3
"""Voices in memory at once, each of which takes some 100 MB."""
THREADS = 2

_log = logging.getLogger(__name__)


class PiperEngine(AlwaysLoaded):
    """A ``SpeechEngine``. It is made at once, and its voices' networks are read as they are first used.

    They stay, for they need little memory and no card.
    A clause's first sound is there when a quarter of a second of it is made. All voices' sound is brought to the usual
    one's rate. Speed is Piper's own; pitch is left to the server.

    Args:
        files: its voices, at least one.
        default_voice: id or name of the voice to speak with where none is asked for.

    Raises:
        UnknownVoiceError: there is no ``default_voice``.
    """

    name = "piper"
    concurrency = 1
    shifts_pitch = False

    def __init__(self, files: Sequence[VoiceFile], default_voice: str | None = None, threads: int = THREADS) -> None:
        self._speakers: dict[str, tuple[VoiceFile, int | None]] = {}
        self._voices: list[Voice] = []
        for file in files:
            self._list(file)
        english = [voice for voice in self._voices if voice.language.startswith("en")]
        self._default = (english or self._voices)[0]
        if default_voice is not None:
            self._default = self.resolve(default_voice, None)
        self.sample_rate = self._file(self._default).description.audio.sample_rate
        self._threads = threads
        self._thread = ModelThread("piper")
        self._loaded: OrderedDict[str, LoadedVoice] = OrderedDict()
        # What is wrong with those that can't be loaded, and when their files were written.
        self._broken: dict[str, tuple[int, str]] = {}

    def _list(self, file: VoiceFile) -> None:
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
        """Load the usual voice: until then the first text waits for it. Blocks for a second.

        Raises:
            EngineError: it can't be loaded; the text says why.
        """
        self._thread.run(lambda: self._speaking(self._file(self._default)))

    def voices(self) -> Sequence[Voice]:
        """As :meth:`SpeechEngine.voices`: of a voice with several speakers, its usual one first."""
        return self._voices

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`; the usual voice may be called by the name of its speaker, as in ``joe``."""
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
        """As :meth:`SpeechEngine.synthesize`."""
        options = onnxruntime.RunOptions()

        def abandon() -> None:
            options.terminate = True

        def speak(put: PutSamples) -> None:
            try:
                self._speak(text, voice, parameters.speed or 1.0, options, put)
            except EngineError:
                raise
            except Exception as error:
                if not options.terminate:
                    raise EngineError(f"piper could not speak the text: {error}") from error

        return self._thread.stream(speak, stop, abandon)

    def _speak(self, text: str, voice: Voice, speed: float, options: onnxruntime.RunOptions, put: PutSamples) -> None:
        file, speaker = self._speakers[voice.id]
        speaking = self._speaking(file)
        pieces = speaking.speak(text, speaker, speed, options)
        if speaking.rate == self.sample_rate:
            for piece in pieces:
                put(piece)
            return
        resampler = soxr.ResampleStream(speaking.rate, self.sample_rate, 1, dtype="float32")
        for piece in pieces:
            put(resampler.resample_chunk(piece))
        put(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def _speaking(self, file: VoiceFile) -> LoadedVoice:
        """The voice, loaded; the one that was used least lately may have to go for it."""
        if (known := self._loaded.get(file.name)) is None:
            known = self._loaded[file.name] = self._load(file)
        self._loaded.move_to_end(file.name)
        usual = self._file(self._default).name
        while len(self._loaded) > MOST_LOADED:
            del self._loaded[next(name for name in self._loaded if name != usual)]
        return known

    def _load(self, file: VoiceFile) -> LoadedVoice:
        """Load a voice; one that can't be is not tried again until its file is another."""
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
        # Of a network that was divided, the parts were in memory more than once.
        release_memory()
        _log.info("Piper's voice %s was loaded in %.1f s", file.name, time.monotonic() - began)
        return loaded

    def wait(self) -> None:
        """Until it is free: what was stopped has left off. Blocks."""
        self._thread.run(lambda: None)

    def close(self) -> None:
        """End the thread, and let go of the voices."""
        self._thread.close()
        self._loaded.clear()


def _written_at(file: VoiceFile) -> int:
    try:
        return file.model.stat().st_mtime_ns
    except OSError:
        return 0


def _dataset(voice: Voice) -> str:
    """``joe`` of ``en_US-joe-medium``."""
    parts = voice.name.split("-")
    return parts[1].casefold() if len(parts) > 2 else ""
