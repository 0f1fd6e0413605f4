"""A Piper network in memory: it turns phonemes into samples, piece by piece if the network can be divided.

As exported, the network is one graph, which returns a clause's sound only as a whole. Most of its work is in two
modules: the flow, which refines latent frames, and the decoder, which turns each frame into about 256 samples. Each
output frame of these modules depends on a few input frames around it, so they can run on a few frames at a time. All
random numbers are drawn in the part before these modules.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.onnx_speech import load_session, one_line
from tts_server.engines.piper.stage import Stage, find_stage

FLOW, DECODER = "/flow/", "/dec/"
"""Prefixes of the names of the flow's and the decoder's nodes, in a network that PyTorch has exported."""
FIRST_PIECE = 12
"""Length of the first piece, in frames. At 22,050 Hz a frame lasts 11.6 ms."""
LONGEST_PIECE = 192
"""Greatest length of a piece, in frames."""
_GROWTH = 2
"""A piece may always be this many times as long as the piece before it, even on a slow machine."""
_SHARE = 0.6
"""The length of a piece is chosen so that it is ready in this share of the time for which earlier sound still plays.

The calculation assumes the speed of the last piece. Usually the piece is ready in about half of this time, because
longer pieces take less time for each frame.
"""
_REST = 1.5
"""The remaining frames are not divided if they are at most this many pieces long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The input for one run of a network.

    Attributes:
        tokens: the phonemes' numbers.
        speaker: the speaker's number; ``None`` if the network has only one speaker.
        scales: the scales of the noise, of the phonemes' lengths, and of the lengths' noise.
    """

    tokens: Sequence[int]
    speaker: int | None
    scales: tuple[float, float, float]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the tensors that Piper's networks take, by name."""
        named: dict[str, NDArray[Any]] = {
            "input": np.array([self.tokens], np.int64),
            "input_lengths": np.array([len(self.tokens)], np.int64),
            "scales": np.array(self.scales, np.float32),
        }
        if self.speaker is not None:
            named["sid"] = np.array([self.speaker], np.int64)
        return named


class Network:
    """A Piper network. It is not thread-safe. Its methods raise ONNX Runtime's errors, also when they are stopped.

    Attributes:
        stages: the flow and the decoder; empty if the network can't be divided.

    Args:
        file: the ONNX file.
        threads: the number of threads that compute one text.
        rate: the sample rate of its sound, in Hz.
        probe: a sample input, to test the network with.

    Raises:
        EngineError: the network can't be loaded or makes no sound; the message says why.
    """

    def __init__(self, file: Path, threads: int, rate: int, probe: NetworkInput) -> None:
        self._threads = threads
        self._rate = rate
        self.stages: tuple[Stage, ...] = ()
        try:
            self._first = self._load(file, probe)
            sound = np.concatenate(list(self.speak(probe, onnxruntime.RunOptions())))
        except OSError as error:
            raise EngineError(f"{file} can't be read: {error.strerror or error}") from error
        # ONNX Runtime's errors have no common base class except Exception.
        except Exception as error:
            raise EngineError(f"{file} is damaged, or no network of Piper's ({one_line(error)})") from error
        if not len(sound) or not np.isfinite(sound).all():
            raise EngineError(f"{file} is not a Piper network: it makes no sound")

    def speak(self, given: NetworkInput, options: onnxruntime.RunOptions) -> Iterator[Samples]:
        """Yield mono samples, -1 to 1, piece by piece. Setting ``options.terminate`` soon ends this with an error."""
        made = self._begin(self._first, given, options)
        if not self.stages:
            yield from map(_samples, made.values())
            return
        yield from self._in_pieces(made, options)

    def _in_pieces(self, tensors: dict[str, NDArray[Any]], options: onnxruntime.RunOptions) -> Iterator[Samples]:
        *finer, decoder = self.stages
        frames = self.stages[0].frames(tensors)
        done = 0
        for begin, end in piece_bounds(frames, 2 * decoder.context, decoder.scale / self._rate):
            needed = min(frames, end + decoder.context)
            for stage in finer:
                more = stage.run(tensors, done, needed, options)
                before = [tensors[stage.output_name]] if done else []
                tensors[stage.output_name] = np.concatenate([*before, more], axis=-1)
            done = needed
            yield _samples(decoder.run(tensors, begin, end, options))

    def _begin(
        self, session: onnxruntime.InferenceSession, given: NetworkInput, options: onnxruntime.RunOptions
    ) -> dict[str, NDArray[Any]]:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, given.tensors(), options), strict=True))

    def _load(self, file: Path, probe: NetworkInput) -> onnxruntime.InferenceSession:
        """Load the network; set ``stages`` and return the part before them, or return the undivided network."""
        network = read_network(file)
        for modules in ((FLOW, DECODER), (DECODER,)):
            if (parts := divide(network, modules)) is None:
                continue
            first = self._session(parts.first.SerializeToString())
            made = self._begin(first, probe, onnxruntime.RunOptions())
            stages = list[Stage]()
            for part in parts.rest:
                # The decoder's convolutions have few channels and use only one thread each. A batch of several sections
                # keeps the other threads busy.
                lanes = self._threads if part is parts.rest[-1] else 1
                if (found := find_stage(part, made, self._session, lanes)) is None:
                    break
                stage, made[stage.output_name] = found
                stages.append(stage)
            else:
                self.stages = tuple(stages)
                return first
        _log.info("%s can't be divided: it speaks clause by clause, each as a whole", file.name)
        return self._session(str(file))

    def _session(self, model: str | bytes) -> onnxruntime.InferenceSession:
        return load_session(model, self._threads)


def _samples(output: NDArray[Any]) -> Samples:
    return np.asarray(np.clip(output.reshape(-1), -1, 1), np.float32)


@dataclass(frozen=True, slots=True)
class DividedNetwork:
    """A network that was divided into several networks.

    Attributes:
        first: takes the whole network's inputs, and returns what the others need.
        rest: one network for each module. Each takes the output of the network before it. It may take further outputs
            of the first network, such as the speaker's.
    """

    first: ModelProto
    rest: tuple[ModelProto, ...]


def read_network(file: Path) -> ModelProto:
    """Parse an ONNX file.

    Raises:
        ValueError: the file is not an ONNX file.
        OSError: the file can't be read.
    """
    try:
        return onnx.load(str(file), load_external_data=False)
    except OSError:
        raise
    # The parser's errors have no common base class except Exception.
    except Exception as error:
        raise ValueError(str(error)) from error


def divide(network: ModelProto, modules: Sequence[str]) -> DividedNetwork | None:
    """Cut a network before each of ``modules``; return ``None`` if it does not have them in a row.

    The cut needs twice the network's memory for a moment.
    """
    graph = network.graph
    if not graph.output:
        return None
    behind_first = _behind(graph, modules[0])
    output, from_first, rest = graph.output[0], dict[str, None](), list[ModelProto]()
    for module in reversed(modules):
        behind = _behind(graph, module)
        if output.name not in behind:
            return None
        taken = _taken(graph, output.name, behind)
        part = _part(network, map(_floats, taken), [output])
        between = [name for name in taken if name in behind_first]
        if part is None or len(between) != (module != modules[0]):
            return None
        rest.insert(0, part)
        from_first |= dict.fromkeys(name for name in taken if name not in between)
        output = _floats(*between) if between else output
    first = _part(network, graph.input, map(_floats, from_first))
    return None if first is None else DividedNetwork(first, tuple(rest))


def _floats(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def _behind(graph: GraphProto, module: str) -> set[str]:
    """Return the names of the module's outputs, and of everything that depends on them."""
    behind = set[str]()
    for node in graph.node:
        if node.name.startswith(module) or not behind.isdisjoint(node.input):
            behind.update(node.output)
    return behind


def _taken(graph: GraphProto, wanted: str, behind: set[str]) -> list[str]:
    """Return the names that computing ``wanted`` needs from outside ``behind``, except for constants."""
    makers = {output: node for node in graph.node for output in node.output}
    constants = {initializer.name for initializer in graph.initializer}
    constants.update(name for name, node in makers.items() if node.op_type == "Constant")
    needed, seen, taken = [wanted], {"", *constants}, list[str]()
    while needed:
        for name in makers[needed.pop()].input:
            if name not in seen:
                seen.add(name)
                (needed if name in behind else taken).append(name)
    return taken


def _part(model: ModelProto, given: Iterable[ValueInfoProto], wanted: Iterable[ValueInfoProto]) -> ModelProto | None:
    """Return the network that computes ``wanted`` from ``given``; ``None`` if that is not possible."""
    graph: GraphProto = model.graph
    given, wanted = list(given), list(wanted)
    makers = {output: number for number, node in enumerate(graph.node) for output in node.output}
    constants = {initializer.name for initializer in graph.initializer}
    needed, kept, used = [value.name for value in wanted], set[int](), {value.name for value in given}
    while needed:
        name = needed.pop()
        if not name or name in used:
            continue
        used.add(name)
        if name in constants:
            continue
        if (maker := makers.get(name)) is None:
            return None
        kept.add(maker)
        needed += graph.node[maker].input
    part = helper.make_graph(
        [graph.node[number] for number in sorted(kept)],
        graph.name,
        given,
        wanted,
        [initializer for initializer in graph.initializer if initializer.name in used],
    )
    return helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)


def piece_bounds(
    frames: int, context: int, frame_seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[int, int]]:
    """Yield the first and the last frame (exclusive) of each piece of a clause.

    The first piece is short, so that the first sound is ready soon. Later pieces are as long as the remaining sound
    allows, because each piece has to compute some context again. The caller must ask for the next bounds when the last
    piece is ready, because the time between two requests is measured.

    Args:
        frames: the number of frames of the clause.
        context: frames of context that each piece computes in addition.
        frame_seconds: duration of a frame's sound.
        clock: returns seconds.
    """
    begin, size, first_ready = 0, FIRST_PIECE, 0.0
    while begin < frames:
        end = frames if frames - begin <= _REST * size else begin + size
        requested_at = clock()
        yield begin, end
        now = clock()
        first_ready = first_ready or now
        remaining = end * frame_seconds - (now - first_ready)
        frame_cost = max(now - requested_at, 1e-6) / (end - begin + context)
        affordable = int(_SHARE * remaining / frame_cost) - context
        begin, size = end, min(max(_GROWTH * size, affordable), LONGEST_PIECE)
