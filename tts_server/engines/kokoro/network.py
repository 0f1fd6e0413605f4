"""Kokoro's network in memory: it turns phonemes and a speaker's style into samples, a clause at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.kokoro.model_files import STYLE_SIZE, how_to_repair

RATE = 24_000
"""Sample rate of the network's sound, in Hz."""
_NAMES_OF_TOKENS = ("tokens", "input_ids")
_PROBE = tuple(range(43, 63))
"""Numbers of some letters, for a test of the network."""


class Network:
    """The network. It is not thread-safe.

    It can't be divided as Piper's can: each sample depends on the whole clause.

    Args:
        file: the ONNX file.
        threads: the number of threads that compute one clause.

    Raises:
        EngineError: the network can't be loaded or makes no sound; the message says why.
    """

    def __init__(self, file: Path, threads: int) -> None:
        try:
            self._session = _session(file, threads)
            names = {given.name for given in self._session.get_inputs()}
            self._tokens = next(name for name in _NAMES_OF_TOKENS if name in names)
            sound = self.speak(_PROBE, np.zeros(STYLE_SIZE, np.float32), 1.0, onnxruntime.RunOptions())
        # ONNX Runtime's errors have no common base class except Exception.
        except Exception as error:
            fault = f"{file} is damaged, or no network of Kokoro's ({_one_line(error)})"
            raise EngineError(f"{fault}: {how_to_repair()}") from error
        if not len(sound) or not np.isfinite(sound).all():
            raise EngineError(f"{file} is not a network of Kokoro's: it makes no sound")

    def speak(
        self, tokens: Sequence[int], style: NDArray[np.float32], speed: float, options: onnxruntime.RunOptions
    ) -> Samples:
        """Return the sound of the tokens: mono samples, -1 to 1, at :data:`RATE`. It raises ONNX Runtime's errors.

        Args:
            tokens: the phonemes' numbers, at most 510.
            style: the speaker's vector for this number of phonemes.
            speed: factor; 1 is the speaker's own speed.
            options: setting ``options.terminate`` ends the run soon, with an error.
        """
        tensors: dict[str, NDArray[Any]] = {
            self._tokens: np.array([[0, *tokens, 0]], np.int64),
            "style": style.reshape(1, STYLE_SIZE),
            "speed": np.array([speed], np.float32),
        }
        sound = self._session.run(None, tensors, options)[0]
        return np.asarray(np.clip(sound.reshape(-1), -1, 1), np.float32)


def _session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between two small operations a thread spins for a moment, which is cheaper than sleeping. Between two texts the
    # threads sleep, and leave the cores to Whisper and the language model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Otherwise memory would be kept for every length of text.
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")
