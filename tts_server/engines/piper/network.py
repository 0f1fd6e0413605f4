"""A Piper network in memory: phonemes' numbers in, samples out, piece by piece where it can be divided."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.piper.halves import divide

FIRST_PIECE, LONGEST_PIECE = 16, 192
"""In columns of the outline, 11.6 ms each at 22,050 Hz; each piece is twice as long as the one before."""
_CONTEXTS = (12, 16, 24, 32)
"""Columns on either side on which a column's samples may depend; the first that suffices is taken."""
_EXACT = 1e-3
"""By which a sample may differ from what it is when all is decoded at once."""

_log = logging.getLogger(__name__)

_Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a network is asked to say.

    Attributes:
        tokens: the phonemes' numbers.
        speaker: of several; ``None`` where there is but one.
        scales: noise, length, and noise of the lengths.
    """

    tokens: Sequence[int]
    speaker: int | None
    scales: tuple[float, float, float]

    def inputs(self) -> dict[str, NDArray[Any]]:
        """As Piper's networks take them."""
        named: dict[str, NDArray[Any]] = {
            "input": np.array([self.tokens], np.int64),
            "input_lengths": np.array([len(self.tokens)], np.int64),
            "scales": np.array(self.scales, np.float32),
        }
        if self.speaker is not None:
            named["sid"] = np.array([self.speaker], np.int64)
        return named


class Network:
    """For one thread at a time. What it raises are ONNX Runtime's errors, one of which is that it was stopped.

    Args:
        file: the ONNX file.
        threads: that compute one text.
        probe: something that it can say.

    Raises:
        EngineError: it can't be loaded, or does not speak; the text says why.
    """

    def __init__(self, file: Path, threads: int, probe: Utterance) -> None:
        self._threads = threads
        self._first: onnxruntime.InferenceSession | None = None
        self._columns = self._context = 0
        try:
            self._second = self._load(file, probe)
            sound = np.concatenate(list(self.speak(probe, onnxruntime.RunOptions())))
        except OSError as error:
            raise EngineError(f"{file} can't be read: {error.strerror or error}") from error
        # ONNX Runtime's errors have no class in common but this one.
        except Exception as error:
            raise EngineError(f"{file} is damaged, or no network of Piper's ({_one_line(error)})") from error
        if not len(sound) or not np.isfinite(sound).all():
            raise EngineError(f"{file} is no network of Piper's: it makes no sound")

    def speak(self, utterance: Utterance, options: onnxruntime.RunOptions) -> Iterator[Samples]:
        """Mono samples, nominally -1 to 1, piece by piece; ``options.terminate`` ends it with an error, soon."""
        inputs = utterance.inputs()
        if self._first is None:
            yield _samples(self._second.run(None, inputs, options)[0])
            return
        found = self._first.run(None, inputs, options)
        names = [output.name for output in self._first.get_outputs()]
        yield from self._decode(dict(zip(names, found, strict=True)), options)

    def _decode(self, found: Mapping[str, _Numbers], options: onnxruntime.RunOptions) -> Iterator[Samples]:
        begin, size, columns = 0, FIRST_PIECE, found[self._outline].shape[-1]
        while begin < columns:
            # A rest that is hardly worth a piece of its own goes with the one before it.
            end = columns if columns - begin < 1.5 * size else begin + size
            yield self._piece(found, begin, end, self._context, options)
            begin, size = end, min(2 * size, LONGEST_PIECE)

    def _piece(
        self, found: Mapping[str, _Numbers], begin: int, end: int, context: int, options: onnxruntime.RunOptions
    ) -> Samples:
        from_column = max(0, begin - context)
        near = {**found, self._outline: found[self._outline][..., from_column : end + context]}
        sound = _samples(self._second.run(None, near, options)[0])
        return sound[(begin - from_column) * self._columns : (end - from_column) * self._columns]

    def _load(self, file: Path, probe: Utterance) -> onnxruntime.InferenceSession:
        halves = divide(file)
        if halves is not None:
            self._outline = halves.outline
            first, second = self._session(halves.first), self._session(halves.second)
            names = [output.name for output in first.get_outputs()]
            found = dict(zip(names, first.run(None, probe.inputs()), strict=True))
            self._first, self._second = first, second
            if self._can_be_divided(found):
                return second
            self._first = None
        _log.info("%s can't be divided: it speaks clause by clause, each as a whole", file.name)
        return self._session(str(file))

    def _can_be_divided(self, found: Mapping[str, _Numbers]) -> bool:
        """See how far a column's samples depend on others, and that pieces are what the whole is."""
        options = onnxruntime.RunOptions()
        columns = found[self._outline].shape[-1]
        whole = _samples(self._second.run(None, dict(found), options)[0])
        self._columns = len(whole) // columns
        if self._columns * columns != len(whole):
            return False
        middle, end = columns // 2, columns // 2 + 2
        wanted = whole[middle * self._columns : end * self._columns]
        for self._context in _CONTEXTS:
            if self._context < middle and np.allclose(
                self._piece(found, middle, end, self._context, options), wanted, rtol=0, atol=_EXACT
            ):
                return True
        return False

    def _session(self, model: str | bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # A thread that waits must not keep a core from the ears and the mind.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Each text has a length of its own, and memory would be kept for each.
        options.enable_mem_pattern = False
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _samples(output: NDArray[Any]) -> Samples:
    return np.asarray(np.clip(output.reshape(-1), -1, 1), np.float32)


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")
