"""Converts weights to the format Q4_0 with the best scales. llama.cpp has quicker kernels for Q4_0 than for Q4_1.

Each block has 32 weights. In Q4_0, a block is a scale and 32 whole numbers from -8 to 7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

BLOCK = 32
LEAST, GREATEST = -8, 7
_STEPS = tuple(0.1 * step for step in range(-12, 13))
_TRIED = (*(LEAST - step for step in _STEPS), *(GREATEST + step for step in _STEPS))
"""The scales that are tried. Each is given as the number that the block's largest weight has before it is rounded."""
_AT_ONCE = 4096
"""Blocks that are computed at once, so that they stay in the processor's cache."""


def to_q4_0(weights: Floats) -> Bytes:
    """Convert rows of weights to Q4_0. Each row of the result has the bytes of one row of weights.

    Each scale that is tried gives whole numbers, and the best scale for these is computed. The block gets the pair with
    the least squared error. The usual conversion takes the
    scale at which the largest weight is exact, and its squared error is about 1.3 times as large.
    """
    blocks = weights.reshape(-1, BLOCK)
    converted = np.empty((len(blocks), 2 + BLOCK // 2), np.uint8)
    for begin in range(0, len(blocks), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        # One row for each place in a block: sums over a block are then sums of whole rows.
        columns = np.ascontiguousarray(blocks[part].T)
        scales = _best_scales(columns).astype(np.float16)
        numbers = np.empty_like(columns)
        _round_to(columns, _reciprocal(scales.astype(np.float32)), numbers)
        nibbles = (numbers - LEAST).astype(np.uint8)
        converted[part, :2] = scales[:, np.newaxis].view(np.uint8)
        converted[part, 2:] = (nibbles[: BLOCK // 2] | nibbles[BLOCK // 2 :] << 4).T
    return converted.reshape(len(weights), -1)


def _best_scales(columns: Floats) -> Floats:
    """The best scale of each block. A column is a block."""
    highest, lowest = columns.max(axis=0), columns.min(axis=0)
    reciprocal = _reciprocal(np.where(highest >= -lowest, highest, lowest))
    scales, best = np.zeros_like(reciprocal), np.zeros_like(reciprocal)
    numbers = np.empty_like(columns)
    for tried in _TRIED:
        _round_to(columns, reciprocal * np.float32(tried), numbers)
        product = np.einsum("ij,ij->j", columns, numbers)
        # Of all scales for these whole numbers, this one has the least squared error. That error is the sum of the
        # squared weights minus the gain.
        scale = product * _reciprocal(np.einsum("ij,ij->j", numbers, numbers))
        gain = product * scale
        better = gain > best
        np.copyto(best, gain, where=better)
        np.copyto(scales, scale, where=better)
    return scales


def _round_to(columns: Floats, factors: Floats, numbers: Floats) -> None:
    np.multiply(columns, factors, out=numbers)
    np.rint(numbers, out=numbers)
    np.clip(numbers, LEAST, GREATEST, out=numbers)


def _reciprocal(numbers: Floats) -> Floats:
    """1 / number, and 0 for 0."""
    return np.divide(1, numbers, out=np.zeros_like(numbers), where=numbers != 0)
