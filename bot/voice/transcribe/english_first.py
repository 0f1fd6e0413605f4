"""Recognises English with a quick model, and all else with Whisper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audio.samples import HEARING_RATE, Sound16, finite
from bot.voice.transcribe.hallucinations import TranscriptSegment
from bot.voice.transcribe.recogniser import RecognitionResult, SoundRecogniser, says_it_twice
from bot.voice.utterances.names import Names

ENGLISH = "en"
TRUSTED = -0.18
"""Minimum mean log probability of a text that is kept.

The texts of 141 of 144 short English turns have a higher one. Of the texts of 261 turns in Spanish, French, Italian and
Russian, only one has a higher one, since the model translated that turn. What the model writes for the bot's own name,
which it does not know, mostly has a lower one. So this number tells languages apart as well, and no language needs to
be detected first (:mod:`benchmarks.ears`).
"""
TRUSTED_INTERIM, TRUSTED_OF_A_STRANGER = -0.45, -0.28
"""Minimum mean log probabilities of a text of a turn that still goes on, whose last word may be cut.

The first is for people who usually speak English, the second for those of whom no language is known.
"""
MAX_SECONDS = 30.0
"""Longest sound that the quick model is given. It was trained on sounds of this length."""


@dataclass(frozen=True, slots=True)
class EnglishTranscript:
    """The words of a sound.

    Attributes:
        text: the words; empty if there are none.
        log_probability: mean natural logarithm of the probabilities of its tokens and of its end.
        cut_off: whether the text reached the largest number of tokens. If so, it is a loop, or far too long.
        called: whether the name that was looked for is heard at the beginning, even if the model would write something
            else there. The log probability is that of the words after it.
    """

    text: str
    log_probability: float
    cut_off: bool
    called: bool = False


class EnglishModel(Protocol):
    """The part of :class:`~bot.voice.transcribe.moonshine.Moonshine` that is used here."""

    def transcribe(self, sound: Sound16, name: str = "") -> EnglishTranscript:
        """Recognise the words of a sound: mono, 16,000 Hz, samples from -1 to 1. The sound may begin with ``name``."""
        ...


@dataclass(frozen=True, slots=True)
class EnglishFirst:
    """A recogniser that asks a quick model for English first, and Whisper if the quick model is not sure of its words.

    The first of the hot words is the bot's name, which the quick model looks for at the beginning. Whisper is asked in
    any case if the speaker usually speaks another language, or if times of words are wanted. At the end of a turn, it
    is also asked if a hot word may have been said elsewhere, since only Whisper knows the hot words. In an interim
    transcript a wrong name is accepted, because asking Whisper each time would delay the final words.

    Attributes:
        english: the quick model.
        whisper: the recogniser of all languages.
    """

    english: EnglishModel
    whisper: SoundRecogniser

    @property
    def compute_type(self) -> str:
        """The number format of Whisper by CTranslate2's name."""
        return self.whisper.compute_type

    def transcribe(
        self,
        sound: Sound16,
        hot_words: str | None = None,
        usual: str | None = None,
        *,
        once: bool = False,
        word_times: bool = False,
    ) -> RecognitionResult:
        """Recognise the words of a sound; see :meth:`~bot.voice.transcribe.recogniser.SoundRecogniser.transcribe`."""
        if usual in (None, ENGLISH) and not word_times and len(sound) <= MAX_SECONDS * HEARING_RATE:
            names = [word.strip(" .") for word in (hot_words or "").split(",")]
            found = self.english.transcribe(np.clip(finite(sound), -1, 1), names[0])
            if _trusted(found, _least(once, usual)) and (
                once or found.called or not Names(names).misheard_in(found.text)
            ):
                segment = TranscriptSegment(found.text, log_probability=found.log_probability)
                probability = float(np.exp(found.log_probability)) if usual is None else None
                return RecognitionResult([segment], ENGLISH, probability, by_english=True)
            if _trusted(found, TRUSTED_OF_A_STRANGER):
                # It is English, so Whisper need neither find that out, nor try again with its whole context if the
                # text is improbable: that takes seconds, and mostly helps with other languages.
                usual = ENGLISH
                first = self.whisper.transcribe(sound, hot_words, usual, once=True)
                if not _is_loop(first):
                    return first
        return self.whisper.transcribe(sound, hot_words, usual, once=once, word_times=word_times)


def _is_loop(found: RecognitionResult) -> bool:
    whole = " ".join(segment.text for segment in found.segments)
    return says_it_twice(whole) or any(segment.stuck for segment in found.segments)


def _least(once: bool, usual: str | None) -> float:
    """The least mean log probability of a text that is kept."""
    if not once:
        return TRUSTED
    return TRUSTED_OF_A_STRANGER if usual is None else TRUSTED_INTERIM


def _trusted(found: EnglishTranscript, least: float) -> bool:
    return bool(found.text and found.log_probability >= least and not found.cut_off and not says_it_twice(found.text))
