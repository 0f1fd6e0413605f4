"""A Piper network in memory: phonemes' numbers in, samples out, piece by piece where it can be divided."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.piper.parts import DECODER, FLOW, divide, read_network
from tts_server.engines.piper.pieces import pieces
from tts_server.engines.piper.stage import Stage, find_stage

_log = logging.getLogger(__name__)


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

    Attributes:
        stages: its parts behind the first, one after the other; none where it makes a text's sound only as a whole.

    Args:
        file: the ONNX file.
        threads: that compute one text.
        rate: of its samples, in hertz.
        probe: something that it can say.

    Raises:
        EngineError: it can't be loaded, or does not speak; the text says why.
    """

    def __init__(self, file: Path, threads: int, rate: int, probe: Utterance) -> None:
        self._threads = threads
        self._rate = rate
        self.stages: tuple[Stage, ...] = ()
        try:
            self._first = self._load(file, probe)
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
        made = self._begin(self._first, utterance, options)
        if not self.stages:
            yield from map(_samples, made.values())
            return
        yield from self._in_pieces(made, options)

    def _in_pieces(self, outline: dict[str, NDArray[Any]], options: onnxruntime.RunOptions) -> Iterator[Samples]:
        *finer, decoder = self.stages
        columns = self.stages[0].columns(outline)
        done = 0
        for begin, end in pieces(columns, 2 * decoder.context, decoder.each / self._rate):
            needed = min(columns, end + decoder.context)
            for stage in finer:
                more = stage.make(outline, done, needed, options)
                before = [outline[stage.made]] if done else []
                outline[stage.made] = np.concatenate([*before, more], axis=-1)
            done = needed
            yield _samples(decoder.make(outline, begin, end, options))

    def _begin(
        self, session: onnxruntime.InferenceSession, utterance: Utterance, options: onnxruntime.RunOptions
    ) -> dict[str, NDArray[Any]]:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, utterance.inputs(), options), strict=True))

    def _load(self, file: Path, probe: Utterance) -> onnxruntime.InferenceSession:
        """The network's first part, with the stages behind it; or all of it, with none."""
        network = read_network(file)
        for modules in ((FLOW, DECODER), (DECODER,)):
            if (parts := divide(network, modules)) is None:
                continue
            first = self._session(parts.first.SerializeToString())
            made = self._begin(first, probe, onnxruntime.RunOptions())
            stages = list[Stage]()
            for part in parts.rest:
                # A convolution of few channels, as the decoder's are, keeps one thread busy, however many there are.
                lanes = self._threads if part is parts.rest[-1] else 1
                if (found := find_stage(part, made, self._session, lanes)) is None:
                    break
                stage, made[stage.made] = found
                stages.append(stage)
            else:
                self.stages = tuple(stages)
                return first
        _log.info("%s can't be divided: it speaks clause by clause, each as a whole", file.name)
        return self._session(str(file))

    def _session(self, model: str | bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Between two small steps a thread spins for a moment, which is cheaper than to sleep and be woken: a first
        # sound comes 6 ms sooner. Between two texts it sleeps, and keeps no core from the ears and the mind.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        # Each text has a length of its own, and memory would be kept for each.
        options.enable_mem_pattern = False
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _samples(output: NDArray[Any]) -> Samples:
    return np.asarray(np.clip(output.reshape(-1), -1, 1), np.float32)


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")
