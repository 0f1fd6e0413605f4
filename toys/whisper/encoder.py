"""The toy's encoder: fixed, not fitted, and the same numbers in numpy as in CTranslate2.

The first convolution takes the cepstrum of each 10 ms, each value as a pair of opposite signs: GELU(x) - GELU(-x) is x,
so nothing is lost, and their sum is nearly |x|. Cepstra without the zeroth say nothing of the level, so a voice may be
loud or quiet; what silence and Whisper's padding become is flat, and so all zero.
The second looks at a quarter of a second through many random filters: enough that sounds in another order give another
mean. There are no layers behind it, and with them no attention from 30 seconds to 30 seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

MELS = 80
WIDTH = 384
ENCODED_FRAMES = 1490
"""Frames that the encoder makes of Whisper's 30 seconds, which are 3,000 mel frames."""

_LOUDNESS, _OPPOSITE_LOUDNESS, _ACTIVITY = WIDTH - 3, WIDTH - 2, WIDTH - 1
_FILTERS = WIDTH - 3

_CEPSTRA = 20
_SPAN = 25
_RHYTHMS = 10
_MIDDLE = slice(8, 17)
_GAIN = 8.0
# What gives the sum through a filter about this deviation in speech.
_STRENGTH = 0.0315
_BIAS = 0.5
_TILT = 0.7
_LOUDNESS_SCALE, _ACTIVITY_SCALE = 2.0, 6.0
# Whom the attention listens to: frames with a voice in them, and a little more to the loud ones.
_LOUDNESS_HEEDED, _ACTIVITY_HEEDED = 1.25, 2.5
_SEED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Its weights, as CTranslate2 has them: (out, in, time); both convolutions pad by one, the second steps by two.

    ``heed`` is what the attention's scores are made with: one value for each of the encoder's dimensions.
    """

    first: Matrix
    second: Matrix
    second_bias: Matrix
    heed: Matrix

    def encode(self, mels: Matrix) -> Matrix:
        """The encoder's output, (frames, width), for ``mels``, (80, frames), as far as these reach; the rest is flat.

        The last frame is one that is flat.
        """
        halves = mels.T[: 2 * ENCODED_FRAMES] @ self.first[:, :, 0].T
        padded = np.pad(gelu(halves), ((2, 2 * _SPAN), (0, 0)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN, axis=0)[: len(halves) + 4 : 2]
        filtered = frames.reshape(len(frames), -1) @ self.second.reshape(WIDTH, -1).T + self.second_bias
        return layer_norm(gelu(filtered))

    def summary(self, mels: Matrix) -> Matrix:
        """What the decoder's attention gets to know of a sound: the mean of all frames, by how much each is heeded."""
        encoded = self.encode(mels)
        scores = encoded @ self.heed
        weights = np.exp(scores - scores.max())
        weights[-1] *= max(1, ENCODED_FRAMES + 1 - len(encoded))
        mean: Matrix = (weights @ encoded / weights.sum()).astype(np.float32)
        return mean


def make_encoder() -> Encoder:
    """Draw the filters: always the same."""
    random = np.random.default_rng(_SEED)
    pairs = _CEPSTRA + 1
    analysis = np.concatenate((_cosines(_CEPSTRA, MELS, first=1), np.full((1, MELS), 1 / MELS)))
    first = _GAIN * np.stack((analysis, -analysis), axis=1).reshape(2 * pairs, MELS)

    # Fast rhythms and high cepstra vary less, so they are made as strong as the others.
    tilt = np.outer(np.arange(1, _CEPSTRA + 1), np.arange(1, _RHYTHMS + 1)) ** _TILT
    mixtures = random.normal(0, _STRENGTH, (_FILTERS, _CEPSTRA, _RHYTHMS)) * tilt
    second = np.zeros((WIDTH, pairs, 2, _SPAN))
    second[:_FILTERS, :_CEPSTRA, 0] = (mixtures @ _cosines(_RHYTHMS, _SPAN, first=0)) / _GAIN
    second[:_FILTERS, :_CEPSTRA, 1] = -second[:_FILTERS, :_CEPSTRA, 0]
    middle = _MIDDLE.stop - _MIDDLE.start
    for row, sign in ((_LOUDNESS, 1), (_OPPOSITE_LOUDNESS, -1)):
        second[row, _CEPSTRA, 0, _MIDDLE] = sign * _LOUDNESS_SCALE / (_GAIN * middle)
        second[row, _CEPSTRA, 1, _MIDDLE] = -sign * _LOUDNESS_SCALE / (_GAIN * middle)
    second[_ACTIVITY, :_CEPSTRA, :, _MIDDLE] = _ACTIVITY_SCALE / (_GAIN * _CEPSTRA * middle)
    bias = np.zeros(WIDTH)
    bias[:_FILTERS] = random.normal(0, _BIAS, _FILTERS)
    heed = np.zeros(WIDTH)
    heed[[_LOUDNESS, _OPPOSITE_LOUDNESS, _ACTIVITY]] = _LOUDNESS_HEEDED, -_LOUDNESS_HEEDED, _ACTIVITY_HEEDED
    return Encoder(
        first=first[:, :, None].astype(np.float32),
        second=second.reshape(WIDTH, 2 * pairs, _SPAN).astype(np.float32),
        second_bias=bias.astype(np.float32),
        heed=heed.astype(np.float32),
    )


def gelu(x: Matrix) -> Matrix:
    """GELU with the error function, as CTranslate2 has it, to seven digits (Abramowitz and Stegun, 7.1.26)."""
    size = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = np.float32(0.5) * series * np.exp(-size * size)
    result: Matrix = x * np.where(x < 0, tail, 1 - tail)
    return result


def layer_norm(x: Matrix) -> Matrix:
    """Each row to mean 0 and variance 1."""
    centred = x - x.mean(axis=1, keepdims=True)
    normed: Matrix = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return normed


def _cosines(count: int, length: int, *, first: int) -> npt.NDArray[np.float64]:
    """Rows of the discrete cosine transform, from the ``first``."""
    order = np.arange(first, first + count)[:, None]
    cosines: npt.NDArray[np.float64] = np.cos(np.pi * order * (np.arange(length) + 0.5) / length) * np.sqrt(2 / length)
    return cosines
