"""How certain a fitted toy is of what it hears: the same numbers that faster-whisper gives, computed in numpy.

The bot drops a text of which Whisper is not certain. Its limits are in ``bot.voice.transcribe``, which imports this
package, so they can't be imported here. Each limit below is at least as strict as the bot's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toys.whisper.classifier import COMPONENTS, FLAG, Classifier, state
from toys.whisper.encoder import WIDTH, Matrix, gelu
from toys.whisper.model_files import LOGIT_WEIGHT, NO_SPEECH_LOGIT

MIN_LOG_PROBABILITY = -0.35
"""Lowest log probability of a phrase's token that is certain.

Whisper's mean over this token and the certain end is then -0.175. With a mean below -0.35, the bot recognises the sound
again; below -1 it doubts the text, and below -1.8 it drops it.
"""
MAX_NO_SPEECH = 0.2
"""Highest probability of "no speech" that is certain, here and in the bot. Above 0.6, the bot doubts the text."""

Targets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Certainty:
    """What the toy makes of some sounds: one number for each.

    Attributes:
        log_probability: of the token of the phrase that was said. Whisper's mean over all tokens is half of it, because
            the toy is always certain of the end that follows.
        no_speech: probability of "no speech".
    """

    log_probability: Matrix
    no_speech: Matrix

    @property
    def certain(self) -> npt.NDArray[np.bool_]:
        """Whether each sound is within the limits."""
        within: npt.NDArray[np.bool_] = (self.log_probability >= MIN_LOG_PROBABILITY) & (
            self.no_speech <= MAX_NO_SPEECH
        )
        return within


def certainty(classifier: Classifier, summaries: Matrix, said: Targets) -> Certainty:
    """How certain the toy is of sounds in which these phrases were ``said``."""
    whitened = summaries @ classifier.whitening.T + classifier.whitening_bias
    logits = gelu(state(whitened) @ classifier.w_in.T + classifier.b_in) @ classifier.w_out.T + classifier.b_out
    # The decoder's last normalisation, over its dimensions: the summary, the logits, one flag, and zeros.
    whole = np.zeros((len(summaries), WIDTH))
    whole[:, :COMPONENTS] = whitened
    whole[:, COMPONENTS : COMPONENTS + logits.shape[1]] = logits
    whole[:, -1] = FLAG
    strength = LOGIT_WEIGHT / whole.std(axis=1)
    scaled = strength[:, None] * logits
    highest = scaled.max(axis=1)
    total = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
    no_speech = 1 / (1 + np.exp(strength * NO_SPEECH_LOGIT - scaled[:, -1]))
    return Certainty(scaled[np.arange(len(said)), said] - total, no_speech)
