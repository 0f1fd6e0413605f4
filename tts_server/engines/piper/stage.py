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

_CONTEXTS = (10, 12, 16, 24, 32, 48)
"""Columns on either side on which one may depend; the first that suffices is taken."""
_EXACT = 1e-3
"""By which a number may differ from what it is when all are made at once."""
_COMPARED = 8
"""Columns."""

_log = logging.getLogger(__name__)


class Stage:
    """For one thread at a time. What it raises are ONNX Runtime's errors.

    Attributes:
        given, made: the names of what it takes and makes.
        context: columns on either side on which a column depends.
        each: what it makes of one: samples, or a finer column.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.given = [value.name for value in session.get_inputs()]
        self.made: str = session.get_outputs()[0].name
        self.context = 0
        self.each = 1
        self._session = session

    def make(self, tensors: Tensors, begin: int, end: int, options: onnxruntime.RunOptions) -> Numbers:
        """What becomes of the columns from ``begin`` to ``end``; ``tensors`` has those around them too."""
        columns = self.columns(tensors)
        left, right = max(0, begin - self.context), min(columns, end + self.context)
        near = {name: tensors[name] for name in self.given}
        for name, numbers in near.items():
            if numbers.shape[-1] == columns:
                near[name] = numbers[..., left:right]
        made: Numbers = self._session.run(None, near, options)[0]
        return made[..., (begin - left) * self.each : (end - left) * self.each]

    def make_all(self, tensors: Tensors) -> Numbers:
        """What becomes of all of them."""
        made: Numbers = self._session.run(None, {name: tensors[name] for name in self.given})[0]
        return made

    def columns(self, tensors: Tensors) -> int:
        """How many there are."""
        return max(int(tensors[name].shape[-1]) for name in self.given)


def find_stage(network: ModelProto, probe: Tensors, new_session: NewSession) -> tuple[Stage, Numbers] | None:
    """Load the part, as fast as it gets, and see on how many columns one depends.

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
    return None if found is None else (found, whole)


def _with_context(stage: Stage, probe: Tensors, whole: Numbers) -> Stage | None:
    columns = stage.columns(probe)
    stage.each, middle = whole.shape[-1] // columns, columns // 2
    wanted = whole[..., middle * stage.each : (middle + _COMPARED) * stage.each]
    for stage.context in _CONTEXTS:
        if stage.context > middle - _COMPARED:
            break
        pieces = stage.make(probe, middle, middle + _COMPARED, onnxruntime.RunOptions())
        if pieces.shape == wanted.shape and np.allclose(pieces, wanted, rtol=0, atol=_EXACT):
            return stage
    return None
