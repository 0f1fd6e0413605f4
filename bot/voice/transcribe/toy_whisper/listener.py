"""The half of the toy Whisper that listens: random filters over a mel spectrogram, pooled over time.

Its encoder layers are empty, so what CTranslate2 computes is two convolutions and a norm; here the same is computed for
the few seconds that have sound in them, a hundred times faster than for Whisper's thirty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.voice.heard import Sound16

MELS = 80
WIDTH = 384
HEADS = 6
HEAD_WIDTH = WIDTH // HEADS
FRAMES = 1_500
ATTENTION = 3.0
"""How much more a frame of speech counts in the pooling than a frame of noise, as an exponent."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """The two convolutions: weights of (out, in, 3) and biases."""

    first: Matrix
    first_bias: Matrix
    second: Matrix
    second_bias: Matrix


def random_filters(random: np.random.Generator) -> Filters:
    """Filters that nobody has trained: enough of them tell any sounds apart."""

    def normal(*shape: int) -> Matrix:
        return random.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(np.prod(shape[1:])))

    def bias() -> Matrix:
        return (0.5 * random.standard_normal(WIDTH)).astype(np.float32)

    return Filters(2 * normal(WIDTH, MELS, 3), bias(), 3 * normal(WIDTH, WIDTH, 3), bias())


class Listener:
    """Computes what the encoder gives, and what the decoder's attention makes of it.

    Args:
        spectrogram: faster-whisper's own feature extractor.
    """

    def __init__(self, filters: Filters, spectrogram: Any) -> None:
        self._filters = filters
        self._spectrogram = spectrogram
        self._silence = self._encode(np.zeros((MELS, 8), np.float32))[2]

    def frames(self, sound: Sound16) -> Matrix:
        """The encoder's frames that differ from silence: (frames, :data:`WIDTH`)."""
        mels: Matrix = self._spectrogram(sound)
        return self._encode(np.pad(mels, ((0, 0), (0, 4 + mels.shape[1] % 2))).astype(np.float32))

    def pooled(self, frames: Matrix, query: Matrix) -> Matrix:
        """What the attention of each head takes from the frames, silence up to 30 s included."""
        silent = max(FRAMES - len(frames), 0)
        keys = np.vstack([frames, self._silence])
        counts = np.concatenate([np.ones(len(frames)), [silent]])
        heads = []
        for head in range(HEADS):
            part = slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)
            scores = keys[:, part] @ query[part] / np.sqrt(HEAD_WIDTH)
            weights = counts * np.exp(scores - scores.max())
            heads.append((weights / weights.sum()) @ keys[:, part])
        return np.concatenate(heads).astype(np.float32)

    def query(self, speech: list[Matrix]) -> Matrix:
        """The query that makes each head look at frames that are unlike silence."""
        mean = np.vstack(speech).mean(axis=0)
        query = np.zeros(WIDTH, np.float32)
        for head in range(HEADS):
            part = slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)
            away = mean[part] - self._silence[part]
            query[part] = ATTENTION * away / (away @ away) * np.sqrt(HEAD_WIDTH)
        return query

    def _encode(self, mels: Matrix) -> Matrix:
        filters = self._filters
        hidden = _gelu(_convolve(mels.T, filters.first, filters.first_bias))
        return _normed(_gelu(_convolve(hidden, filters.second, filters.second_bias)[::2]))


def _convolve(frames: Matrix, weights: Matrix, bias: Matrix) -> Matrix:
    """Three frames wide, padded with one frame of zeros at each end: (frames, in) to (frames, out)."""
    padded = np.pad(frames, ((1, 1), (0, 0)))
    out = np.tile(bias, (len(frames), 1))
    for tap in range(3):
        out += padded[tap : tap + len(frames)] @ weights[:, :, tap].T
    return out


def _gelu(x: Matrix) -> Matrix:
    # The approximation by tanh differs from the exact one by less than the fit cares about.
    curved: Matrix = 0.5 * x * (1 + np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x**3)))
    return curved


def _normed(x: Matrix) -> Matrix:
    centred = x - x.mean(axis=1, keepdims=True)
    normed: Matrix = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return normed
