"""Weights in Q4_0, a format of 4-bit numbers and a scale for each block: with the best scales, they change little."""

from __future__ import annotations

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

from bot.models.quantisation import BLOCK, GREATEST, LEAST, Floats, to_q4_0

Q4_0 = GGMLQuantizationType.Q4_0
ROWS, COLUMNS = 150, 1024
HALF_PRECISION = 2.0**-11
"""Greatest relative error of a scale, which is stored in half precision."""


@pytest.fixture(params=["normal", "heavy tails", "few values"])
def weights(request: pytest.FixtureRequest) -> Floats:
    random = np.random.default_rng(3)
    match request.param:
        case "normal":
            found = random.normal(0, 0.05, (ROWS, COLUMNS))
        case "heavy tails":
            found = random.standard_t(2, (ROWS, COLUMNS)) * 0.02
        case _:
            # As if the weights had been in Q4_1: 16 steps from a block's least weight to its greatest.
            steps = random.integers(0, 16, (ROWS, COLUMNS // BLOCK, BLOCK))
            ends = random.normal(0, 0.05, (2, ROWS, COLUMNS // BLOCK, 1))
            found = (ends[0] + steps * ends[1] / 15).reshape(ROWS, COLUMNS)
    return found.astype(np.float32)


def blocks_of(packed: np.ndarray) -> tuple[Floats, np.ndarray]:
    """The scale of each block and its whole numbers."""
    blocks = packed.reshape(-1, 2 + BLOCK // 2)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    numbers = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(int) + LEAST
    return scales, numbers


def test_each_weight_is_within_half_a_step_unless_the_greatest_number_is_too_small_for_it(weights: Floats) -> None:
    packed = to_q4_0(weights)
    scales, numbers = blocks_of(packed)
    errors = dequantize(packed, Q4_0).reshape(-1, BLOCK) - weights.reshape(-1, BLOCK)
    inside = (numbers > LEAST) & (numbers < GREATEST)
    # The quotient of a weight and its scale is rounded to single precision before it is rounded to a whole number.
    assert np.all((np.abs(errors) <= np.abs(scales) * 0.50001) | ~inside)
    assert inside.mean() > 0.8


def test_no_block_is_worse_than_with_the_usual_conversion(weights: Floats) -> None:
    """The usual scale is tried too. For the whole numbers that it gives, the best scale is at least as good."""
    squares = {}
    for name, packed in (("best", to_q4_0(weights)), ("usual", quantize(weights, Q4_0))):
        errors = dequantize(packed, Q4_0).astype(np.float64) - weights
        squares[name] = np.square(errors).reshape(-1, BLOCK).sum(axis=1)
    # A scale in half precision adds at most this to the squared error of the best one.
    added = np.square(weights.astype(np.float64)).reshape(-1, BLOCK).sum(axis=1) * HALF_PRECISION**2
    assert np.all(squares["best"] <= squares["usual"] + added + 1e-12)
    assert squares["best"].sum() < squares["usual"].sum()


def test_weights_that_q4_0_can_hold_exactly_stay_as_they_are() -> None:
    random = np.random.default_rng(4)
    numbers = random.integers(LEAST, GREATEST + 1, (64, BLOCK))
    numbers[:, 0] = LEAST
    weights = (numbers * 0.25).astype(np.float32)
    assert np.array_equal(dequantize(to_q4_0(weights), Q4_0), weights)


def test_a_block_of_zeros_stays_zero() -> None:
    weights = np.zeros((2, BLOCK), np.float32)
    weights[1] = np.linspace(-1, 1, BLOCK)
    back = dequantize(to_q4_0(weights), Q4_0)
    assert np.array_equal(back[0], weights[0])
    assert np.all(np.isfinite(back))
