"""Which phrase a summary stands for: the decoder's feed-forward layer, fitted by gradient descent on cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toys.whisper.encoder import WIDTH, Matrix, gelu, layer_norm

KEPT = 300
"""Of the decoder's dimensions, those that hold what the summary says, whitened."""
FLAG = 10.0
"""How strongly a token says what it is, in the dimension of its own."""
HIDDEN = 384

_PASSES = 40
_BATCH = 64
_SPEED = 2e-3
_DECAY = 1e-4
_WOBBLE = 0.1
_LEAST = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """``gather`` (kept, width) and ``gather_bias`` whiten a summary; the rest is a layer on the normalised state."""

    gather: Matrix
    gather_bias: Matrix
    enter: Matrix
    enter_bias: Matrix
    leave: Matrix
    leave_bias: Matrix

    def evidence(self, summaries: Matrix) -> Matrix:
        """For each phrase, and last for none, how much speaks for it: (summaries, phrases + 1)."""
        hidden = gelu(state(summaries @ self.gather.T + self.gather_bias) @ self.enter.T + self.enter_bias)
        found: Matrix = hidden @ self.leave.T + self.leave_bias
        return found


def state(kept: Matrix) -> Matrix:
    """What the feed-forward layer is given when the next token is to be the phrase; (rows, width)."""
    whole = np.zeros((len(kept), WIDTH), np.float32)
    whole[:, :KEPT] = kept
    whole[:, -1] = FLAG
    return layer_norm(whole)


def fit(summaries: Matrix, targets: npt.NDArray[np.int64], progress: Callable[[float], None]) -> Classifier:
    """Fit it; ``targets`` are places in the table of phrases, the last of all meaning none. Blocks for seconds."""
    random = np.random.default_rng(0)
    gather, gather_bias = _whitening(summaries)
    classes = int(targets.max()) + 1
    layer = _Layer(
        enter=random.normal(0, WIDTH**-0.5, (HIDDEN, WIDTH)).astype(np.float32),
        enter_bias=np.zeros(HIDDEN, np.float32),
        leave=np.zeros((classes, HIDDEN), np.float32),
        leave_bias=np.zeros(classes, np.float32),
    )
    descent = _Adam(layer)
    kept = summaries @ gather.T + gather_bias
    for done in range(_PASSES):
        order = random.permutation(len(kept))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            wobble = random.normal(0, _WOBBLE, (len(batch), KEPT)).astype(np.float32)
            slope = layer.slope(state(kept[batch] + wobble), targets[batch])
            descent.step(slope, _SPEED * (1 - done / _PASSES))
        progress((done + 1) / _PASSES)
    return Classifier(gather, gather_bias, *layer.arrays())


def _whitening(summaries: Matrix) -> tuple[Matrix, Matrix]:
    """The directions in which summaries vary most, each made to vary by one."""
    mean = summaries.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(summaries.T.astype(np.float64)))
    strongest = np.argsort(variances)[::-1][:KEPT]
    deviations = np.sqrt(variances[strongest] + _LEAST * variances[strongest[0]])
    gather = (directions[:, strongest] / deviations).T.astype(np.float32)
    return gather, -gather @ mean


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The weights that are fitted, or their slope."""

    enter: Matrix
    enter_bias: Matrix
    leave: Matrix
    leave_bias: Matrix

    def arrays(self) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        return self.enter, self.enter_bias, self.leave, self.leave_bias

    def slope(self, states: Matrix, targets: npt.NDArray[np.int64]) -> _Layer:
        """The slope of the mean cross-entropy."""
        entered = states @ self.enter.T + self.enter_bias
        hidden = gelu(entered)
        evidence = hidden @ self.leave.T + self.leave_bias
        error = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(targets)), targets] -= 1
        error /= len(targets)
        behind = error @ self.leave * _gelu_slope(entered)
        return _Layer(behind.T @ states, behind.sum(axis=0), error.T @ hidden, error.sum(axis=0))


class _Adam:
    """Adam (Kingma and Ba, 2015), with weight decay."""

    def __init__(self, layer: _Layer) -> None:
        self._arrays = layer.arrays()
        self._mean = [np.zeros_like(array) for array in self._arrays]
        self._square = [np.zeros_like(array) for array in self._arrays]
        self._steps = 0

    def step(self, slope: _Layer, speed: float) -> None:
        """Change the layer's arrays in place."""
        self._steps += 1
        for array, gradient, mean, square in zip(self._arrays, slope.arrays(), self._mean, self._square, strict=True):
            gradient = gradient + np.float32(_DECAY) * array
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.01) * (np.square(gradient) - square)
            unbiased = mean / (1 - 0.9**self._steps)
            array -= np.float32(speed) * unbiased / (np.sqrt(square / (1 - 0.99**self._steps)) + np.float32(1e-8))


def _gelu_slope(x: Matrix) -> Matrix:
    """The derivative of x times the logistic function of 1.702 x, which GELU is nearly."""
    gate = 1 / (1 + np.exp(np.float32(-1.702) * x))
    slope: Matrix = gate * (1 + np.float32(1.702) * x * (1 - gate))
    return slope
