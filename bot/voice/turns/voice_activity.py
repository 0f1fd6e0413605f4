"""Voice activity detection: Silero VAD v6 on ONNX Runtime, and a detector that uses its output and the sound level."""

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
"""Samples of a window: 32 ms. The network classifies one window at a time."""
WINDOW_SECONDS = WINDOW_SAMPLES / HEARING_RATE
_CONTEXT_SAMPLES = 64
"""Number of samples from the end of the previous window that the network gets too."""
_STATE_SHAPE = (1, 1, 128)
"""Shape of the network's hidden state and of its cell state."""
_NEWEST_WEIGHT = 0.1
"""Weight of the newest window in the moving average of the level of a person's speech."""


class SileroUnusable(BrokenFileError):  # noqa: N818
    """The network's file is missing or damaged, or is a network of another kind. The text says which."""


class SpeechProbability(Protocol):
    """Voice activity model of one person. It has state, so it must be given the person's windows in order."""

    def __call__(self, window: Sound16) -> float:
        """The probability that a window is speech, 0 to 1; ``window`` has :data:`WINDOW_SAMPLES` samples."""
        ...

    def peek(self, window: Sound16) -> float:
        """The probability that a window is speech. The window does not count as heard: the state stays the same."""
        ...


class VoiceActivityModel(Protocol):
    """A model that tells speech from other sound. Thread-safe."""

    def make_stream(self) -> SpeechProbability:
        """Make the model of one person, with a state of its own."""
        ...


class Silero:
    """Silero's network, loaded once for all people. Thread-safe.

    It runs on the calling thread, and takes about 50 µs for each window.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Load the network at ``path``, or the one in faster-whisper if no path is given.

        Raises:
            SileroUnusable: the network is missing, or can't be used.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        path = path or _bundled()
        if not path.exists():
            raise SileroUnusable(f"there is no Silero network at {path}")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no other common base class.
            raise SileroUnusable(f"the Silero network at {path} can't be loaded: it is damaged") from error
        inputs = {found.name for found in self._session.get_inputs()}
        if inputs != {"input", "h", "c"}:
            found = ", ".join(sorted(inputs))
            raise SileroUnusable(f"the Silero network at {path} has other inputs than expected: {found}")

    def make_stream(self) -> SpeechProbability:
        """Make the model of one person, with a state of its own."""
        return _SileroStream(self._session)


class _SileroStream:
    """The network with the state of one person: its hidden state, its cell state and the end of the last window."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._input = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)

    def peek(self, window: Sound16) -> float:
        sound = np.concatenate((self._input[:, -_CONTEXT_SAMPLES:], window[np.newaxis]), axis=1)
        probability, _, _ = self._session.run(None, {"input": sound, "h": self._hidden, "c": self._cell})
        return float(probability[0])

    def __call__(self, window: Sound16) -> float:
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = window
        feed = {"input": self._input, "h": self._hidden, "c": self._cell}
        probability, self._hidden, self._cell = self._session.run(None, feed)
        return float(probability[0])


def _bundled() -> Path:
    """The network's file in faster-whisper; raises :class:`SileroUnusable`."""
    # The file is found without an import of faster_whisper, which would load CTranslate2 and PyAV into this process.
    spec = importlib.util.find_spec("faster_whisper")
    for folder in (spec.submodule_search_locations if spec else None) or []:
        path = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if path.exists():
            return path
    raise SileroUnusable("Silero's network was not found beside faster-whisper: install the pinned requirements again")


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of sound. The last window of a transmission may be shorter than :data:`WINDOW_SAMPLES`.

    Attributes:
        sound: the samples: mono, 16,000 Hz.
        voiced: True if there is voice in the window.
        still: True if there is hardly any sound in the window.
    """

    sound: Sound16
    voiced: bool
    still: bool

    @property
    def seconds(self) -> float:
        """Duration of the window."""
        return len(self.sound) / HEARING_RATE


class VoiceActivityDetector:
    """Cuts one person's sound into windows, and tells which of them are voiced.

    It uses the model's probability and the level. At the end of a word the probability stays high for another window,
    while the level falls at once.

    Args:
        probability: voice activity model of the person.
        settings: thresholds of probability and level.
    """

    def __init__(self, probability: SpeechProbability, settings: TurnSettings) -> None:
        self._probability = probability
        self._settings = settings
        self._rest = np.zeros(0, np.float32)
        self._newest = np.zeros(WINDOW_SAMPLES, np.float32)
        self._speech_level = 0.0

    def windows(self, sound: Sound16) -> Iterator[Window]:
        """Add sound; yields the windows that are complete."""
        samples = np.concatenate((self._rest, sound))
        whole = len(samples) - len(samples) % WINDOW_SAMPLES
        self._rest = samples[whole:]
        self._newest = np.concatenate((self._newest, sound))[-WINDOW_SAMPLES:]
        for at in range(0, whole, WINDOW_SAMPLES):
            yield self._classify(samples[at : at + WINDOW_SAMPLES])

    @property
    def rest(self) -> Sound16:
        """The newest sound, which does not fill a window yet."""
        return self._rest

    def begins(self) -> bool:
        """True if the newest 32 ms are voiced; they end within a window that is not complete yet. Takes about 50 µs.

        A voice is thus noticed with each packet, up to 40 ms before its first voiced window. But this is less certain
        than a voiced window: music is sometimes taken for a voice.
        """
        return len(self._rest) > 0 and self._probability.peek(self._newest) >= self._settings.voiced_probability

    def falls_quiet(self, sound: Sound16) -> bool:
        """True if the window that is not complete yet is the beginning of a pause. ``sound`` is the newest packet.

        At least half of the window must have come. Otherwise most short silences within words would count.
        """
        if len(self._rest) < WINDOW_SAMPLES // 2 or rms(sound) >= self._settings.quiet_share * self._speech_level:
            return False
        window = np.pad(self._rest, (0, WINDOW_SAMPLES - len(self._rest)))
        return self._probability.peek(window) < self._settings.sure_probability

    def flush(self) -> Iterator[Window]:
        """End the transmission; yields the incomplete window, if there is one."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        if len(rest):
            yield self._classify(rest)

    def _classify(self, sound: Sound16) -> Window:
        """Classify a window of at most :data:`WINDOW_SAMPLES` samples."""
        settings = self._settings
        missing = WINDOW_SAMPLES - len(sound)
        probability = self._probability(np.pad(sound, (0, missing)) if missing else sound)
        level = rms(sound)
        quiet = level < settings.quiet_share * self._speech_level
        if probability >= settings.sure_probability:
            self._speech_level += _NEWEST_WEIGHT * (level - self._speech_level)
            return Window(sound, voiced=True, still=False)
        voiced = probability >= settings.voiced_probability and not quiet
        return Window(sound, voiced, still=quiet and not voiced)
