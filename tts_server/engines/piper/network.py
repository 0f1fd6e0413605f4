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
_WHOLE = 18
"""A clause of at most this many frames is one piece."""
MAX_PIECE = 192
"""Greatest length of a piece, in frames."""
UNHEARD = 0.04
"""Seconds of sound that can't be played yet when a piece is ready: resampling and frames of 20 ms hold it back."""
MAX_HELD = 1.0
"""When this many seconds of sound are held back, they are passed on, even if the next piece will come too late."""
_SHARE, _MAX_SHARE = 0.6, 0.8
"""Shares of the time for which the sound so far still plays. The next piece is computed during that time.

The piece is as long as can be computed within the first share. But it may be longer, up to twice the length of the
piece before it, if it can be computed within the second share: longer pieces take less time for each frame. How long a
frame takes is estimated from the piece before.
"""

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
            raise EngineError(f"{file} is damaged or is not a Piper network ({one_line(error)})") from error
        if not len(sound) or not np.isfinite(sound).all():
            raise EngineError(f"{file} is not a Piper network: it makes no sound")

    def speak(self, given: NetworkInput, options: onnxruntime.RunOptions) -> Iterator[Samples]:
        """Yield mono samples, -1 to 1, piece by piece. Soon after ``options.terminate`` is set, it raises an error."""
        made = self._run_first(self._first, given, options)
        if not self.stages:
            yield from map(_samples, made.values())
            return
        yield from self._in_pieces(made, options)

    def _in_pieces(self, tensors: dict[str, NDArray[Any]], options: onnxruntime.RunOptions) -> Iterator[Samples]:
        *finer, decoder = self.stages
        frames = self.stages[0].frames(tensors)
        plan = PiecePlan(frames, 2 * decoder.context, decoder.scale / self._rate)
        done = 0
        held = list[Samples]()
        for begin, end in plan:
            needed = min(frames, end + decoder.context)
            for stage in finer:
                more = stage.run(tensors, done, needed, options)
                before = [tensors[stage.output_name]] if done else []
                tensors[stage.output_name] = np.concatenate([*before, more], axis=-1)
            done = needed
            held.append(_samples(decoder.run(tensors, begin, end, options)))
            if plan.piece_ready():
                yield np.concatenate(held)
                held.clear()

    def _run_first(
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
            made = self._run_first(first, probe, onnxruntime.RunOptions())
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
        first: takes the whole network's inputs, and returns what the networks in ``rest`` need.
        rest: one network for each module. Each takes the output of the network before it. It may take further outputs
            of the first network, such as the speaker's vector.
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
    """Cut a network before each of ``modules``; return ``None`` if it lacks one, or has them in another order.

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
        part = _part(network, map(_float_tensor, taken), [output])
        between = [name for name in taken if name in behind_first]
        if part is None or len(between) != (module != modules[0]):
            return None
        rest.insert(0, part)
        from_first |= dict.fromkeys(name for name in taken if name not in between)
        output = _float_tensor(*between) if between else output
    first = _part(network, graph.input, map(_float_tensor, from_first))
    return None if first is None else DividedNetwork(first, tuple(rest))


def _float_tensor(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def _behind(graph: GraphProto, module: str) -> set[str]:
    """Return the names of the module's outputs, and of everything that depends on them."""
    behind = set[str]()
    for node in graph.node:
        if node.name.startswith(module) or not behind.isdisjoint(node.input):
            behind.update(node.output)
    return behind


def _taken(graph: GraphProto, wanted: str, behind: set[str]) -> list[str]:
    """Return the names of the values that ``wanted`` is computed from, except constants and those in ``behind``."""
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


class PiecePlan:
    """Chooses how long the pieces of a clause are, and when their sound is passed on, so that it plays without gaps.

    Iterating over a plan yields the first and the last frame (exclusive) of each piece. Call :meth:`piece_ready` after
    computing each piece. The first piece is short, so that the first sound is ready soon. Later pieces are as long as
    the remaining sound allows, because each piece has to compute some context again.

    On a busy machine, the second piece may take longer than the first one plays. Then the first piece is held back
    until the sound lasts for the time that the next piece takes.

    Args:
        frames: the number of frames of the clause.
        context: frames of context that each piece computes in addition.
        frame_seconds: duration of a frame's sound.
        clock: returns seconds.
    """

    def __init__(
        self, frames: int, context: int, frame_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._frames = frames
        self._context = context
        self._frame_seconds = frame_seconds
        self._clock = clock
        self._begin = self._end = 0
        self._size, self._longest = FIRST_PIECE, _WHOLE
        self._requested_at = 0.0
        self._plays_since: float | None = None

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the bounds of each piece."""
        while self._end < self._frames:
            self._begin, rest = self._end, self._frames - self._end
            self._end = self._frames if rest <= self._longest else self._begin + self._size
            self._requested_at = self._clock()
            yield self._begin, self._end

    def piece_ready(self) -> bool:
        """Note that the piece was computed. Returns whether to pass on its sound now, with all that was held back."""
        now = self._clock()
        played = 0.0 if self._plays_since is None else now - self._plays_since
        remaining = self._end * self._frame_seconds - UNHEARD - played
        size = self._end - self._begin
        frame_cost = max(now - self._requested_at, 1e-6) / (size + self._context)
        affordable, largest = (int(share * remaining / frame_cost) - self._context for share in (_SHARE, _MAX_SHARE))
        in_time = largest >= FIRST_PIECE
        if in_time:
            self._size = min(max(FIRST_PIECE, affordable, min(2 * size, largest)), MAX_PIECE)
        else:
            # A longer piece takes less time for each frame, so even a slow machine catches up.
            self._size = min(self._end if self._plays_since is None else 2 * size, MAX_PIECE)
        self._longest = max(self._size, min(largest, MAX_PIECE))
        if self._plays_since is None:
            held = self._end * self._frame_seconds
            if not in_time and self._end < self._frames and held < MAX_HELD:
                return False
            self._plays_since = now
        return True
