"""The toy's encoder: fixed, not fitted, and the same numbers in numpy as in CTranslate2.

The first convolution takes the cepstrum of each 10 ms, each value as a pair of opposite signs: GELU(x) - GELU(-x) is x,
so nothing is lost, and their sum is nearly |x|. Cepstra without the zeroth say nothing of the level, so a voice may be
loud or quiet; what silence and Whisper's padding become is flat, and so all zero.
The second looks at a quarter of a second through many random filters: enough that sounds in another order give another
mean. There are no layers behind it, and with them no attention over 30 seconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

from bot.voice.heard import Sound16

Matrix = npt.NDArray[np.float32]

WIDTH = 384
MELS = 80
CONTEXT_FRAMES = 3_000
"""Mel frames of 10 ms in Whisper's 30 seconds."""

_CEPSTRA = 20
_SPAN = 25
_RHYTHMS = 10
_GAIN = np.float32(8.0)
_STRENGTH = 1.5
_PAIRS = _CEPSTRA + 1
_SEED = 3

# The last four of the encoder's dimensions are no random filters.
FILTERS = WIDTH - 4
LOUDNESS = (FILTERS, FILTERS + 1)
ACTIVITY = FILTERS + 2
"""How far from flat the sound is: next to nothing in silence, little in noise, and most in speech."""
