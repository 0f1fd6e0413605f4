"""The toy's encoder. It is fixed, not trained, and gives the same numbers in numpy as in CTranslate2.

The first convolution computes the cepstrum of each 10 ms. Each value is stored twice, with opposite signs: GELU(x) -
GELU(-x) is x, so nothing is lost, and GELU(x) + GELU(-x) is nearly |x|. The zeroth cepstrum, which is the level, is
kept apart from the others, so a voice may be loud or quiet. Silence and Whisper's padding have a flat spectrum, so
their other cepstra are zero.
The second convolution passes a quarter of a second at a time through many random filters. So the same sounds in another
order give another mean. The one layer behind them changes nothing, so :meth:`Encoder.encode` computes no self-attention
over 30 seconds.
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
"""Number of frames that the encoder makes of 30 seconds, which Whisper represents as 3,000 mel frames."""
SHORT_ENCODED_FRAMES = 740
"""Number of frames that it makes of 15 seconds, which is the bot's context for a short turn."""

_LOUDNESS, _OPPOSITE_LOUDNESS, _ACTIVITY = WIDTH - 3, WIDTH - 2, WIDTH - 1
_FILTERS = WIDTH - 3

_CEPSTRA = 20
_SPAN = 25
_RHYTHMS = 10
_MIDDLE = slice(8, 17)
_GAIN = 8.0
# Standard deviation of a filter's weights, chosen for the deviation of the filter's output in speech.
_STRENGTH = 0.0315
_BIAS = 0.5
_TILT = 0.7
_LOUDNESS_SCALE, _ACTIVITY_SCALE = 2.0, 6.0
# Weights of the attention: it prefers frames with a voice, and among them loud ones a little.
_LOUDNESS_ATTENTION, _ACTIVITY_ATTENTION = 1.25, 2.5
_SEED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """The encoder's weights, as CTranslate2 has them: shape (out, in, time).

    Both convolutions have a padding of 1. The second one has a stride of 2.

    Attributes:
        attention_key: the decoder's attention score of a frame is its dot product with this vector.
    """

    first: Matrix
    second: Matrix
    second_bias: Matrix
    attention_key: Matrix

    def encode(self, mels: Matrix) -> Matrix:
        """The encoder's output, shape (frames, WIDTH), for ``mels``, shape (MELS, frames).

        It covers only the frames of ``mels``, and one silent frame at the end. The frames from there to
        :data:`ENCODED_FRAMES` would be the same as that one.
        """
        halves = mels.T[: 2 * ENCODED_FRAMES] @ self.first[:, :, 0].T
        padded = np.pad(gelu(halves), ((2, 2 * _SPAN), (0, 0)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN, axis=0)[: len(halves) + 4 : 2]
        filtered = frames.reshape(len(frames), -1) @ self.second.reshape(WIDTH, -1).T + self.second_bias
        return layer_norm(gelu(filtered))

    def summaries(self, mels: Matrix) -> list[Matrix]:
        """The outputs of the decoder's attention to a sound, in a context of 30 seconds and in one of 15.

        Each is the mean of all frames, weighted by attention.
        """
        encoded = self.encode(mels)
        scores = encoded @ self.attention_key
        weights = np.exp(scores - scores.max())
        silence = weights[-1]
        means = list[Matrix]()
        for frames in (ENCODED_FRAMES, SHORT_ENCODED_FRAMES):
            weights[-1] = silence * max(1, frames + 1 - len(encoded))
            means.append((weights @ encoded / weights.sum()).astype(np.float32))
        return means


def make_encoder() -> Encoder:
    """Make the encoder. Its random filters are the same each time."""
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
    attention_key = np.zeros(WIDTH)
    attention_key[[_LOUDNESS, _OPPOSITE_LOUDNESS, _ACTIVITY]] = (
        _LOUDNESS_ATTENTION,
        -_LOUDNESS_ATTENTION,
        _ACTIVITY_ATTENTION,
    )
    return Encoder(
        first=first[:, :, None].astype(np.float32),
        second=second.reshape(WIDTH, 2 * pairs, _SPAN).astype(np.float32),
        second_bias=bias.astype(np.float32),
        attention_key=attention_key.astype(np.float32),
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
    """Normalise each row to mean 0 and variance 1."""
    centred = x - x.mean(axis=1, keepdims=True)
    normed: Matrix = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return normed


def _cosines(count: int, length: int, *, first: int) -> npt.NDArray[np.float64]:
    """Rows of the discrete cosine transform, from the ``first``."""
    order = np.arange(first, first + count)[:, None]
    cosines: npt.NDArray[np.float64] = np.cos(np.pi * order * (np.arange(length) + 0.5) / length) * np.sqrt(2 / length)
    return cosines
