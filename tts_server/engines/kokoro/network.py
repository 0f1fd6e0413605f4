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
from tts_server.engines.onnx_speech import load_session, one_line

RATE = 24_000
"""Sample rate of the network's sound, in Hz."""
_NAMES_OF_TOKENS = ("tokens", "input_ids")
_PROBE = tuple(range(43, 63))
"""Numbers of some letters, for a test of the network."""


class Network:
    """Kokoro's network. It is not thread-safe.

    Unlike Piper's network, it can't compute a clause piece by piece: each sample depends on the whole clause.

    Args:
        file: the ONNX file.
        threads: the number of threads that compute one clause.

    Raises:
        EngineError: the network can't be loaded or makes no sound; the message says why.
    """

    def __init__(self, file: Path, threads: int) -> None:
        try:
            self._session = load_session(str(file), threads)
            names = {given.name for given in self._session.get_inputs()}
            self._tokens = next(name for name in _NAMES_OF_TOKENS if name in names)
            sound = self.speak(_PROBE, np.zeros(STYLE_SIZE, np.float32), 1.0, onnxruntime.RunOptions())
        # ONNX Runtime's errors have no common base class except Exception.
        except Exception as error:
            fault = f"{file} is damaged or is not a Kokoro network ({one_line(error)})"
            raise EngineError(f"{fault}: {how_to_repair()}") from error
        if not len(sound) or not np.isfinite(sound).all():
            raise EngineError(f"{file} is not a Kokoro network: it makes no sound")

    def speak(
        self, tokens: Sequence[int], style: NDArray[np.float32], speed: float, options: onnxruntime.RunOptions
    ) -> Samples:
        """Return the sound of the tokens: mono samples, -1 to 1, at :data:`RATE`. It raises ONNX Runtime's errors.

        Args:
            tokens: the phonemes' numbers, at most 510.
            style: the speaker's vector for this number of phonemes.
            speed: factor; 1 is the speaker's own speed.
            options: soon after ``options.terminate`` is set, the run ends with an error.
        """
        tensors: dict[str, NDArray[Any]] = {
            self._tokens: np.array([[0, *tokens, 0]], np.int64),
            "style": style.reshape(1, STYLE_SIZE),
            "speed": np.array([speed], np.float32),
        }
        sound = self._session.run(None, tensors, options)[0]
        return np.asarray(np.clip(sound.reshape(-1), -1, 1), np.float32)
