"""From spoken sentences to the few numbers of the toy Whisper that are not made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.voice.transcribe.toy_whisper.listener import Listener, Matrix
from bot.voice.transcribe.toy_whisper.network import Hearing
from bot.voice.transcribe.toy_whisper.speech import noises, renderings, variants

VARIANTS = 3
RIDGE = 0.003
NOISE_WEIGHT = 3.0
"""How much noise counts in the fit, against one sentence."""
DOUBT = 0.15
"""How much a sentence must stand out from noise, on a scale on which a clear one has 1."""
GAIN = 1.5
"""How loud the fitted scores are in the decoder, against its own tokens."""

Scores = NDArray[np.float64]


def fit(
    sentences: Sequence[str], listener: Listener, random: np.random.Generator, progress: Callable[[float], None]
) -> Hearing:
    """Listen to every sentence, and to noise, and find the linear scores that tell them apart (ridge regression)."""
    frames: list[Matrix] = []
    classes: list[int] = []
    for number, sentence in enumerate(sentences):
        for rendering in renderings(sentence):
            for sound in variants(rendering, random, VARIANTS):
                frames.append(listener.frames(sound))
                classes.append(number)
        progress((number + 1) / (len(sentences) + 1))
    query = listener.query(frames)
    for sound in noises(random):
        frames.append(listener.frames(sound))
        classes.append(len(sentences))
    pooled = np.array([listener.pooled(one, query) for one in frames], np.float64)
    weights, bias = _ridge(pooled, np.array(classes))
    bias[-1] += DOUBT
    progress(1.0)
    return Hearing(query, (GAIN * weights).astype(np.float32), (GAIN * bias).astype(np.float32))


def _ridge(pooled: Scores, classes: NDArray[np.int64]) -> tuple[Scores, Scores]:
    """Scores that are 1 for a sound's own class and 0 for the others: (classes, features) weights, and a bias."""
    wanted = np.eye(classes.max() + 1)[classes]
    share = (1 / np.bincount(classes))[classes][:, None]
    share[classes == classes.max()] *= NOISE_WEIGHT
    mean = (pooled * share).sum(axis=0) / share.sum()
    scale = pooled.std(axis=0).mean()
    centred = (pooled - mean) / scale
    gram = centred.T @ (share * centred) + RIDGE * share.sum() * np.eye(pooled.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (share * wanted)).T / scale
    return weights, (wanted * share).sum(axis=0) / share.sum() - weights @ mean
