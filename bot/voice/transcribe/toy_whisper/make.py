"""``python -m bot.voice.transcribe.toy_whisper.make FOLDER`` writes the weights, and how far it is, a number a line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from bot.voice.transcribe.toy_whisper.fitting import fit
from bot.voice.transcribe.toy_whisper.listener import Listener, random_filters
from bot.voice.transcribe.toy_whisper.network import write_model
from bot.voice.transcribe.toy_whisper.sentences import SENTENCES

SEED = 7


def make(folder: Path) -> None:
    """Fit and write the model."""
    random = np.random.default_rng(SEED)
    filters = random_filters(random)
    listener = Listener(filters, FeatureExtractor(feature_size=80))
    hearing = fit(SENTENCES, listener, random, lambda done: print(f"{done:.3f}", flush=True))  # noqa: T201
    write_model(folder, SENTENCES, filters, hearing, SEED)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
