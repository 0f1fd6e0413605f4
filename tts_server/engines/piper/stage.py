"""A part of a network that makes columns of columns, and can make a few of them at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from tts_server.engines.piper.rows import with_rows

Numbers = NDArray[Any]
Tensors = Mapping[str, Numbers]
"""By name. Along their last axis, the longest have a column for each moment."""
NewSession = Callable[[bytes], onnxruntime.InferenceSession]

_CONTEXTS = (10, 12, 16, 20, 24, 28, 32, 48)
"""Columns on either side on which one may depend; the first that suffices is taken."""
_EXACT = 5e-5
"""By which a number may differ from what it is when all are made at once."""
_COMPARED = 8
"""Columns."""
_LEAST_OF_A_LANE = 4
"""Times its context: what a lane makes of its own is at least that long, so that its context costs little beside it."""

_log = logging.getLogger(__name__)


class Stage:
    """For one thread at a time. What it raises are ONNX Runtime's errors.

    Attributes:
        given, made: the names of what it takes and makes.
        context: columns on either side on which a column depends.
        each: what it makes of one: samples, or a finer column.
        lanes: stretches of a long piece that are computed side by side, at most.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.given = [value.name for value in session.get_inputs()]
        self.made: str = session.get_outputs()[0].name
        self.context = 0
        self.each = 1
        self.lanes = 1
        self._session = session

    def make(self, tensors: Tensors, begin: int, end: int, options: onnxruntime.RunOptions) -> Numbers:
        """What becomes of the columns from ``begin`` to ``end``; ``tensors`` has those around them too."""
        affordable = (end - begin) // (_LEAST_OF_A_LANE * self.context) if self.context else 1
        return self.make_in_lanes(tensors, begin, end, options, max(1, min(self.lanes, affordable)))

    def make_in_lanes(
        self, tensors: Tensors, begin: int, end: int, options: onnxruntime.RunOptions, lanes: int
    ) -> Numbers:
        """The same, in so many stretches that are computed side by side, as a batch."""
        columns = self.columns(tensors)
        edges = [begin + (end - begin) * lane // lanes for lane in range(lanes + 1)]
        lefts = [max(0, edge - self.context) for edge in edges[:-1]]
        width = max(min(columns, edge + self.context) - left for left, edge in zip(lefts, edges[1:], strict=True))
        # All are equally long, so one near the end begins a little earlier.
        lefts = [min(left, columns - width) for left in lefts]
        near = {name: tensors[name] for name in self.given}
        for name, numbers in near.items():
            whole = numbers.shape[-1] != columns
            near[name] = np.concatenate([numbers if whole else numbers[..., left : left + width] for left in lefts])
        made: Numbers = self._session.run(None, near, options)[0]
        stretches = [
            made[lane : lane + 1, ..., (edges[lane] - left) * self.each : (edges[lane + 1] - left) * self.each]
            for lane, left in enumerate(lefts)
        ]
        return np.concatenate(stretches, axis=-1)

    def make_all(self, tensors: Tensors) -> Numbers:
        """What becomes of all of them."""
        made: Numbers = self._session.run(None, {name: tensors[name] for name in self.given})[0]
        return made

    def columns(self, tensors: Tensors) -> int:
        """How many there are."""
        return max(int(tensors[name].shape[-1]) for name in self.given)


def find_stage(
    network: ModelProto, probe: Tensors, new_session: NewSession, lanes: int = 1
) -> tuple[Stage, Numbers] | None:
    """Load the part, as fast as it gets, and see on how many columns one depends.

    Args:
        network: the part.
        probe: what it may be given.
        new_session: loads a network.
        lanes: of the stage, where as many at once come out right.

    Returns:
        The stage, and what it makes of all of ``probe``; ``None`` where pieces would not be what the whole is.
    """
    plain = Stage(new_session(network.SerializeToString()))
    whole = plain.make_all(probe)
    if not whole.shape[-1] or whole.shape[-1] % plain.columns(probe):
        return None
    try:
        faster = Stage(new_session(with_rows(network).SerializeToString()))
        found = _with_context(faster, probe, whole)
    # Not every network can be written so; ONNX Runtime's errors have no class in common but this one.
    except Exception as error:
        _log.debug("A part of a network is left as it is written: %s", error)
        found = None
    found = found or _with_context(plain, probe, whole)
    if found is None:
        return None
    if lanes > 1 and _come_out_right_in_lanes(found, probe, whole, lanes):
        found.lanes = lanes
    return found, whole


def _with_context(stage: Stage, probe: Tensors, whole: Numbers) -> Stage | None:
    columns = stage.columns(probe)
    stage.each = whole.shape[-1] // columns
    for stage.context in _CONTEXTS:
        # How far away something still counts is seen in some places only, so many are looked at.
        begins = range(stage.context, columns - stage.context - _COMPARED, _COMPARED)
        if not begins:
            break
        if all(_comes_out_right(stage, probe, whole, begin) for begin in begins):
            return stage
    return None


def _comes_out_right(stage: Stage, probe: Tensors, whole: Numbers, begin: int) -> bool:
    end = begin + _COMPARED
    made = stage.make(probe, begin, end, onnxruntime.RunOptions())
    return _are_alike(made, whole[..., begin * stage.each : end * stage.each])


def _come_out_right_in_lanes(stage: Stage, probe: Tensors, whole: Numbers, lanes: int) -> bool:
    try:
        made = stage.make_in_lanes(probe, 0, stage.columns(probe), onnxruntime.RunOptions(), lanes)
    # Not every network takes a batch; ONNX Runtime's errors have no class in common but this one.
    except Exception as error:
        _log.debug("A part of a network makes one stretch at a time: %s", error)
        return False
    return _are_alike(made, whole)


def _are_alike(some: Numbers, others: Numbers) -> bool:
    """Whether no number differs by more than what nobody hears."""
    return some.shape == others.shape and np.allclose(some, others, rtol=0, atol=_EXACT)
