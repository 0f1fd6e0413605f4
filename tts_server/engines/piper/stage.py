"""A part of a Piper network that turns frames into frames or samples, and can do so for a few frames at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, helper, numpy_helper

Numbers = NDArray[Any]
Tensors = Mapping[str, Numbers]
"""Tensors by name. The last axis of the longest tensors is the time, in frames."""
NewSession = Callable[[bytes], onnxruntime.InferenceSession]

_CONTEXTS = (10, 12, 16, 20, 24, 28, 32, 48, 64)
"""Numbers of context frames on either side. They are tried in this order until the results are right. To be safe, the
number after the first right one is used.
"""
_EXACT = 5e-5
"""Largest allowed difference between a value and the same value in a run over all frames. Nobody can hear it."""
_COMPARED = 4
"""Length of a tested piece, in frames."""
_MIN_CONTEXTS_PER_LANE = 4
"""A lane is at least this many times as long as its context, so that computing the context takes little of the time."""

_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
_ROW_AXIS = "seiyuu/row_axis"
_ROW_PREFIX = "seiyuu/rows/"

_log = logging.getLogger(__name__)


class Stage:
    """A part of a network in memory. It is not thread-safe. Its methods raise ONNX Runtime's errors.

    Attributes:
        input_names: the tensors that it takes.
        output_name: the tensor that it returns.
        context: input frames on either side that an output depends on.
        scale: the number of outputs for each input frame: the decoder makes many samples of a frame.
        lanes: a long piece is divided into at most this many equally long sections, which are computed in parallel.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.input_names = [value.name for value in session.get_inputs()]
        self.output_name: str = session.get_outputs()[0].name
        self.context = 0
        self.scale = 1
        self.lanes = 1
        self._session = session

    def run(self, tensors: Tensors, begin: int, end: int, options: onnxruntime.RunOptions) -> Numbers:
        """Compute the outputs for frames ``begin`` to ``end``; ``tensors`` must contain the context frames too."""
        affordable = (end - begin) // (_MIN_CONTEXTS_PER_LANE * self.context) if self.context else 1
        return self.run_in_lanes(tensors, begin, end, options, max(1, min(self.lanes, affordable)))

    def run_in_lanes(
        self, tensors: Tensors, begin: int, end: int, options: onnxruntime.RunOptions, lanes: int
    ) -> Numbers:
        """Compute the same as :meth:`run`, divided into ``lanes`` sections that form one batch."""
        frames = self.frames(tensors)
        edges = [begin + (end - begin) * lane // lanes for lane in range(lanes + 1)]
        lefts = [max(0, edge - self.context) for edge in edges[:-1]]
        width = max(min(frames, edge + self.context) - left for left, edge in zip(lefts, edges[1:], strict=True))
        # All sections of a batch have the same length, so a section near the end has to begin earlier.
        lefts = [min(left, frames - width) for left in lefts]
        near = {name: tensors[name] for name in self.input_names}
        for name, numbers in near.items():
            whole = numbers.shape[-1] != frames
            near[name] = np.concatenate([numbers if whole else numbers[..., left : left + width] for left in lefts])
        made: Numbers = self._session.run(None, near, options)[0]
        sections = [
            made[lane : lane + 1, ..., (edges[lane] - left) * self.scale : (edges[lane + 1] - left) * self.scale]
            for lane, left in enumerate(lefts)
        ]
        return np.concatenate(sections, axis=-1)

    def run_all(self, tensors: Tensors) -> Numbers:
        """Compute the outputs for all frames."""
        made: Numbers = self._session.run(None, {name: tensors[name] for name in self.input_names})[0]
        return made

    def frames(self, tensors: Tensors) -> int:
        """Return the number of frames in ``tensors``."""
        return max(int(tensors[name].shape[-1]) for name in self.input_names)


def find_stage(
    network: ModelProto, probe: Tensors, new_session: NewSession, lanes: int = 1
) -> tuple[Stage, Numbers] | None:
    """Load a part of a network, and find the fastest way to run it in pieces whose results equal those of the whole.

    Args:
        network: the part.
        probe: a sample input.
        new_session: loads a serialized network.
        lanes: the number of lanes that the stage gets, if its results in this many lanes are right.

    Returns:
        The stage and its outputs for ``probe``; ``None`` if its results in pieces differ from those of the whole.
    """
    plain = Stage(new_session(network.SerializeToString()))
    whole = plain.run_all(probe)
    if not whole.shape[-1] or whole.shape[-1] % plain.frames(probe):
        return None
    try:
        faster = Stage(new_session(with_2d_convolutions(network).SerializeToString()))
        found = _with_context(faster, probe, whole)
    # Not every network can be rewritten. ONNX Runtime's errors have no common base class except Exception.
    except Exception as error:
        _log.debug("A part of a network can't be rewritten: %s", error)
        found = None
    found = found or _with_context(plain, probe, whole)
    if found is None:
        return None
    if lanes > 1 and _come_out_right_in_lanes(found, probe, whole, lanes):
        found.lanes = lanes
    return found, whole


def _with_context(stage: Stage, probe: Tensors, whole: Numbers) -> Stage | None:
    frames = stage.frames(probe)
    stage.scale = whole.shape[-1] // frames
    for stage.context, longer in pairwise(_CONTEXTS):
        # A context that is too short shows only in some places, so test many.
        begins = range(stage.context, frames - stage.context - _COMPARED, _COMPARED)
        if not begins:
            break
        if all(_comes_out_right(stage, probe, whole, begin) for begin in begins):
            # With other noise than the probe's, this context may be slightly too short, and clicks would be heard.
            stage.context = longer
            return stage
    return None


def _comes_out_right(stage: Stage, probe: Tensors, whole: Numbers, begin: int) -> bool:
    end = begin + _COMPARED
    made = stage.run(probe, begin, end, onnxruntime.RunOptions())
    return _are_alike(made, whole[..., begin * stage.scale : end * stage.scale])


def _come_out_right_in_lanes(stage: Stage, probe: Tensors, whole: Numbers, lanes: int) -> bool:
    try:
        made = stage.run_in_lanes(probe, 0, stage.frames(probe), onnxruntime.RunOptions(), lanes)
    # Not every network accepts batches. ONNX Runtime's errors have no common base class except Exception.
    except Exception as error:
        _log.debug("A part of a network does not accept batches: %s", error)
        return False
    return _are_alike(made, whole)


def _are_alike(some: Numbers, others: Numbers) -> bool:
    """Tell whether no value differs by more than an inaudible amount."""
    return some.shape == others.shape and np.allclose(some, others, rtol=0, atol=_EXACT)


def with_2d_convolutions(network: ModelProto) -> ModelProto:
    """Rewrite a network's 1D convolutions over time as 2D convolutions over images of one row.

    ONNX Runtime computes these faster, because it has a special memory layout for them. Inputs and outputs stay the
    same; the tensors between them get one more axis. This is right for convolutions and elementwise operations. Other
    operations may fail or give other results, so compare the results with the original's.
    """
    rewritten = ModelProto()
    rewritten.CopyFrom(network)
    graph = rewritten.graph
    given, made = ([value.name for value in values] for values in (graph.input, graph.output))
    outside = {*given, *made}
    weights = {initializer.name: initializer for initializer in graph.initializer}
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name in outside:
                    names[place] = f"{_ROW_PREFIX}{name}"
        if node.op_type not in _CONVOLUTIONS:
            continue
        # Several nodes may share one weight tensor, which must be changed only once.
        if len(node.input) > 1 and (weight := weights.get(node.input[1])) is not None and len(weight.dims) == 3:
            weight.dims.insert(2, 1)
        for attribute in node.attribute:
            _add_row(attribute)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(helper.make_node("Unsqueeze", [name, _ROW_AXIS], [f"{_ROW_PREFIX}{name}"]) for name in given)
    graph.node.extend(nodes)
    graph.node.extend(helper.make_node("Squeeze", [f"{_ROW_PREFIX}{name}", _ROW_AXIS], [name]) for name in made)
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), _ROW_AXIS))
    return rewritten


def _add_row(attribute: AttributeProto) -> None:
    match attribute.name:
        case "kernel_shape" | "dilations" | "strides":
            attribute.ints.insert(0, 1)
        case "output_padding":
            attribute.ints.insert(0, 0)
        case "pads":
            begin, end = attribute.ints
            del attribute.ints[:]
            attribute.ints.extend([0, begin, 0, end])
