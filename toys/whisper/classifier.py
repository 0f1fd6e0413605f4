"""Classifier from an encoder's summary vector to a phrase, trained with Adam on cross-entropy.

Its weights become those of the toy decoder: the attention to the encoder and the feed-forward layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toys.whisper.encoder import WIDTH, Matrix, gelu, layer_norm

COMPONENTS = 300
"""Number of the decoder's dimensions that hold the whitened summary."""
FLAG = 10.0
"""Value of the dimension that marks a token's kind (one-hot)."""
HIDDEN = 384
"""Width of the feed-forward layer."""

_EPOCHS = 50
_BATCH_SIZE = 64
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1e-4
# Standard deviation of the noise that is added to the whitened summaries.
_NOISE = 0.3
# Added to each variance when whitening, as a share of the largest variance.
_EPSILON = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """The weights of a trained classifier.

    Attributes:
        whitening, whitening_bias: whiten a summary; shapes (COMPONENTS, WIDTH) and (COMPONENTS,).
        w_in, b_in: the first half of the feed-forward layer, whose input is :func:`state`; shapes (HIDDEN, WIDTH) and
            (HIDDEN,).
        w_out, b_out: its second half, which returns the logits; shapes (phrases + 1, HIDDEN) and (phrases + 1,). The
            last logit means "no phrase". The decoder reads "no speech" from this logit alone, so its sign counts, and
            not only its difference from the others.
    """

    whitening: Matrix
    whitening_bias: Matrix
    w_in: Matrix
    b_in: Matrix
    w_out: Matrix
    b_out: Matrix


def state(whitened: Matrix) -> Matrix:
    """Input of the feed-forward layer at the step that predicts the phrase's token: shape (rows, WIDTH)."""
    whole = np.zeros((len(whitened), WIDTH), np.float32)
    whole[:, :COMPONENTS] = whitened
    whole[:, -1] = FLAG
    return layer_norm(whole)


def fit(
    summaries: Matrix, targets: npt.NDArray[np.int64], progress: Callable[[float], None], seed: int = 0
) -> Classifier:
    """Train a classifier. Blocks for seconds.

    Args:
        summaries: shape (summaries, WIDTH).
        targets: the index of each summary's phrase. The highest index means "no phrase".
        progress: called with a share from 0 to 1.
        seed: of the first weights, the order of the summaries and the noise.
    """
    random = np.random.default_rng(seed)
    whitening, whitening_bias = _whitening(summaries)
    classes = int(targets.max()) + 1
    layer = _Layer(
        w_in=random.normal(0, WIDTH**-0.5, (HIDDEN, WIDTH)).astype(np.float32),
        b_in=np.zeros(HIDDEN, np.float32),
        w_out=np.zeros((classes, HIDDEN), np.float32),
        b_out=np.zeros(classes, np.float32),
    )
    optimizer = _Adam(layer)
    whitened = summaries @ whitening.T + whitening_bias
    for epoch in range(_EPOCHS):
        order = random.permutation(len(whitened))
        for start in range(0, len(order), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            noise = random.normal(0, _NOISE, (len(batch), COMPONENTS)).astype(np.float32)
            gradient = layer.gradient(state(whitened[batch] + noise), targets[batch])
            optimizer.step(gradient, _LEARNING_RATE * (1 - epoch / _EPOCHS))
        progress((epoch + 1) / _EPOCHS)
    return Classifier(whitening, whitening_bias, *layer.arrays())


def _whitening(summaries: Matrix) -> tuple[Matrix, Matrix]:
    """PCA whitening: the matrix and the bias that map a summary to its strongest components with unit variance."""
    mean = summaries.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(summaries.T.astype(np.float64)))
    strongest = np.argsort(variances)[::-1][:COMPONENTS]
    deviations = np.sqrt(variances[strongest] + _EPSILON * variances[strongest[0]])
    whitening = (directions[:, strongest] / deviations).T.astype(np.float32)
    return whitening, -whitening @ mean


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The trainable weights, or their gradients."""

    w_in: Matrix
    b_in: Matrix
    w_out: Matrix
    b_out: Matrix

    def arrays(self) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        return self.w_in, self.b_in, self.w_out, self.b_out

    def gradient(self, states: Matrix, targets: npt.NDArray[np.int64]) -> _Layer:
        """The gradient of the sum of two mean cross-entropies: a softmax of all logits, and a sigmoid of the last one.

        In the softmax, only the differences between logits count. But "no speech" is read from the last logit alone.
        """
        activation = states @ self.w_in.T + self.b_in
        hidden = gelu(activation)
        logits = hidden @ self.w_out.T + self.b_out
        error = np.exp(logits - logits.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(targets)), targets] -= 1
        error[:, -1] += 1 / (1 + np.exp(-logits[:, -1])) - (targets == logits.shape[1] - 1)
        error /= len(targets)
        hidden_gradient = error @ self.w_out * _gelu_derivative(activation)
        return _Layer(hidden_gradient.T @ states, hidden_gradient.sum(axis=0), error.T @ hidden, error.sum(axis=0))


class _Adam:
    """Adam (Kingma and Ba, 2015), with weight decay."""

    def __init__(self, layer: _Layer) -> None:
        self._arrays = layer.arrays()
        self._mean = [np.zeros_like(array) for array in self._arrays]
        self._square = [np.zeros_like(array) for array in self._arrays]
        self._steps = 0

    def step(self, gradients: _Layer, learning_rate: float) -> None:
        """Change the layer's arrays in place."""
        self._steps += 1
        for array, gradient, mean, square in zip(
            self._arrays, gradients.arrays(), self._mean, self._square, strict=True
        ):
            gradient = gradient + np.float32(_WEIGHT_DECAY) * array
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.01) * (np.square(gradient) - square)
            unbiased = mean / (1 - 0.9**self._steps)
            array -= (
                np.float32(learning_rate) * unbiased / (np.sqrt(square / (1 - 0.99**self._steps)) + np.float32(1e-8))
            )


def _gelu_derivative(x: Matrix) -> Matrix:
    """Derivative of x * sigmoid(1.702 * x), which approximates GELU."""
    gate = 1 / (1 + np.exp(np.float32(-1.702) * x))
    derivative: Matrix = gate * (1 + np.float32(1.702) * x * (1 - gate))
    return derivative
