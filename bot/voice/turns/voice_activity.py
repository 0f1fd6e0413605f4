"""Voice activity detection: Silero VAD v6 (onnxruntime, no torch), and a detector that heeds the level as well."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.turns.settings import TurnSettings
from config.reasons import BrokenFileError

WINDOW_SAMPLES = 512
WINDOW_SECONDS = WINDOW_SAMPLES / HEARING_RATE
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (1, 1, 128)


class SileroMissing(BrokenFileError):  # noqa: N818
    """The network's file is not there, is damaged, or is not the one we know; the text says which."""


class SpeechProbability(Protocol):
    """Listens to one person's windows, in order; remembers what it heard."""

    def __call__(self, window: Sound16) -> float:
        """How likely the next :data:`WINDOW_SAMPLES` samples are speech, 0 to 1."""
        ...


class VoiceActivityModel(Protocol):
    """Tells speech from other sound; may be used by several threads at once."""

    def listen(self) -> SpeechProbability:
        """A model for the sound of one person."""
        ...


class Silero:
    """The network, loaded once for everyone. It runs on the calling thread, any one, in about 50 µs a window."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the network that faster-whisper carries, or the one at ``path``.

        Raises:
            SileroMissing: there is none, or none that can be used.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        path = path or _bundled()
        if not path.exists():
            raise SileroMissing(f"there is no Silero network at {path}")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors have nothing else in common.
            raise SileroMissing(f"the Silero network at {path} can't be loaded: it is damaged") from error
        inputs = {found.name for found in self._session.get_inputs()}
        if inputs != {"input", "h", "c"}:
            found = ", ".join(sorted(inputs))
            raise SileroMissing(f"the Silero network at {path} has other inputs than expected: {found}")

    def listen(self) -> SpeechProbability:
        """A model for the sound of one person."""
        return _SileroStream(self._session)


class _SileroStream:
    """One person's state: the network's memory, and the end of the window before."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._input = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)

    def __call__(self, window: Sound16) -> float:
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = window
        feed = {"input": self._input, "h": self._hidden, "c": self._cell}
        probability, self._hidden, self._cell = self._session.run(None, feed)
        return float(probability[0])


def _bundled() -> Path:
    # Found without importing faster_whisper, which would load CTranslate2 and PyAV into this process.
    spec = importlib.util.find_spec("faster_whisper")
    for folder in (spec.submodule_search_locations if spec else None) or []:
        path = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if path.exists():
            return path
    raise SileroMissing("Silero's network was not found beside faster-whisper: install the pinned requirements again")


_FOLLOW = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of sound, the last of a transmission shorter than the others.

    ``still`` is true where there is no voice, and next to nothing else either.
    """

    sound: Sound16
    voiced: bool
    still: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / HEARING_RATE


class VoiceActivityDetector:
    """Silero's answer, helped by the level: where a word ends Silero hesitates for a window, while the level falls."""

    def __init__(self, probability: SpeechProbability, settings: TurnSettings) -> None:
        self._probability = probability
        self._settings = settings
        self._rest = np.zeros(0, np.float32)
        self._speech_level = 0.0

    def windows(self, sound: Sound16) -> Iterator[Window]:
        """The windows that are full now."""
        samples = np.concatenate((self._rest, sound))
        whole = len(samples) - len(samples) % WINDOW_SAMPLES
        self._rest = samples[whole:]
        for at in range(0, whole, WINDOW_SAMPLES):
            yield self._classify(samples[at : at + WINDOW_SAMPLES])

    def flush(self) -> Iterator[Window]:
        """What is left over at the end of a transmission."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        if len(rest):
            yield self._classify(rest)

    def _classify(self, sound: Sound16) -> Window:
        settings = self._settings
        missing = WINDOW_SAMPLES - len(sound)
        probability = self._probability(np.pad(sound, (0, missing)) if missing else sound)
        level = rms(sound)
        quiet = level < settings.quiet_share * self._speech_level
        if probability >= settings.sure_probability:
            self._speech_level += _FOLLOW * (level - self._speech_level)
            return Window(sound, voiced=True, still=False)
        voiced = probability >= settings.voiced_probability and not quiet
        return Window(sound, voiced, still=quiet and not voiced)
