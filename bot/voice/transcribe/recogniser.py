"""Recognises the words of one sound with faster-whisper: what the model is given, and when it is asked again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from audio.samples import HEARING_RATE, Sound16, finite
from bot.voice.transcribe.hallucinations import LANGUAGE_DETECTION_SECONDS, MAX_NO_SPEECH, TranscriptSegment

TOKENS_A_SECOND, MIN_TOKENS, MAX_TOKENS = 8, 16, 220
"""Maximum number of tokens of a transcript for each second of its sound, and the least and the greatest value of this
limit."""
LONG_CONTEXT = 30.0
"""Seconds of sound for which Whisper was trained. A shorter sound is filled up with silence."""
SHORT_CONTEXT, MAX_SHORT_SOUND = 15.0, 12.0
"""Seconds of the short context, and the length of the longest sound that is recognised with it.

The decoder takes less time for the short context. In still shorter ones Whisper repeats sentences
(:mod:`benchmarks.ears`).
"""
MIN_ENCODED, ENCODED_BEHIND = 3.0, 1.0
"""Fewest seconds that the encoder gets, and seconds of silence that it gets behind the sound.

The encoder's time depends on the length of sound and silence together. The rest of the context is silence too, and its
encoding is always the same, so it is computed only once.
"""
LEAD = round(0.25 * HEARING_RATE)
"""Samples of silence that are put before each sound.

Without them, some sentences that begin with the first sample lose words in a context of less than 30 seconds.
"""
RETRY_LOG_PROBABILITY = -0.35
"""A sound is recognised again if its text has a lower mean log probability than this.

The encoder then runs on the whole long context, so this is done only if it ran on less before. It is needed in 1 of
100 English turns, and in 4 to 15 of 100 in languages of which Whisper base knows less. Without it, the short context
has 1.4 points more errors in French than the long one; with it, both have the same.
"""
RETRY_TEMPERATURES = (0.2, 0.4)
"""If the long context gives a loop (words written again and again), the decoder tries again at these temperatures.

Whisper's own decoding does the same.
"""
MIN_REPEATED = 3
"""A text that begins again from its first word is taken for a loop if at least this many words are said again."""
_NO_LETTERS = re.compile(r"[\W_]+")
SURE_OF_LANGUAGE = 0.8
"""Minimum probability with which a detected language is used in place of the speaker's usual one."""


class Information(Protocol):
    """faster-whisper's information about a whole sound: its language, and how probable the language is."""

    language: str
    language_probability: float


class RecogniserModel(Protocol):
    """The part of faster-whisper's model that is used here."""

    def transcribe(
        self, audio: Sound16, *, encoded_seconds: float, context_seconds: float, **options: Any
    ) -> tuple[Iterable[Any], Any]:
        """Return the segments and an :class:`Information`. The segments are computed when they are iterated.

        Args:
            audio: mono, 16,000 Hz.
            encoded_seconds: the encoder needs only run on these first seconds of the context, in which the sound is.
            context_seconds: the sound is filled up with silence to this many seconds.
            options: options of faster-whisper's method.
        """
        ...


@dataclass(frozen=True, slots=True)
class RecognitionResult:
    """The result of recognising a sound.

    Attributes:
        segments: segments of text.
        language: Whisper's code for the language, such as "de".
        language_probability: probability of the language, 0 to 1; ``None`` if the language was given.
        words: each word with its begin and end in seconds, if they were asked for.
        by_english: whether the words are those of the quick model for English, and not Whisper's.
    """

    segments: list[TranscriptSegment]
    language: str
    language_probability: float | None
    words: list[tuple[str, float, float]] = field(default_factory=list)
    by_english: bool = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt to recognise a sound.

    Attributes:
        encoded_seconds: the encoder needs only run on these first seconds of the context, in which the sound is.
        context_seconds: the sound is filled up with silence to this many seconds.
        temperature: temperature of the decoder. At 0 it always chooses the most likely word.
    """

    encoded_seconds: float
    context_seconds: float
    temperature: float = 0.0


def _attempts(seconds: float, short_context: float) -> list[_Attempt]:
    """The attempts for a sound of this many seconds, in order. The next is made if the last one failed."""
    long = [_Attempt(LONG_CONTEXT, LONG_CONTEXT, temperature) for temperature in (0.0, *RETRY_TEMPERATURES)]
    encoded = max(MIN_ENCODED, LEAD / HEARING_RATE + seconds + ENCODED_BEHIND)
    if short_context >= LONG_CONTEXT or encoded >= LONG_CONTEXT:
        return long
    context = short_context if seconds <= MAX_SHORT_SOUND else LONG_CONTEXT
    return [_Attempt(min(encoded, context), context), *long]


class SoundRecogniser(Protocol):
    """Loaded models that recognise speech. Use them on one thread at a time."""

    @property
    def compute_type(self) -> str:
        """Number format of Whisper by CTranslate2's name."""
        ...

    def transcribe(
        self,
        sound: Sound16,
        hot_words: str | None = None,
        usual: str | None = None,
        *,
        once: bool = False,
        word_times: bool = False,
    ) -> RecognitionResult:
        """Recognise the words of a sound.

        Args:
            sound: mono, 16,000 Hz.
            hot_words: names and terms that are likely to be said, as a sentence.
            usual: Whisper's code for the usual language of the speaker. It is used unless the sound is long and its
                detected language is certain.
            once: whether the sound is recognised only once, even if the text is a loop or improbable.
            word_times: whether the times of the words are measured.
        """
        ...


class Recogniser:
    """Recognises speech with Whisper.

    Args:
        model: the loaded model.
        language: Whisper's code for the language of all speakers; ``None`` if it has to be detected.
        compute_type: number format of the model by CTranslate2's name.
        short_context: seconds of the context for short sounds.
    """

    def __init__(
        self,
        model: RecogniserModel,
        language: str | None,
        compute_type: str,
        short_context: float = SHORT_CONTEXT,
    ) -> None:
        self._model = model
        self._language = language
        self._short_context = short_context
        self.compute_type = compute_type

    def transcribe(
        self,
        sound: Sound16,
        hot_words: str | None = None,
        usual: str | None = None,
        *,
        once: bool = False,
        word_times: bool = False,
    ) -> RecognitionResult:
        """Recognise the words of a sound; see :meth:`SoundRecogniser.transcribe`.

        The encoder gets little more than the sound. If the text is a loop or improbable, the sound is recognised again
        with the whole long context; if it is still a loop, at higher temperatures.
        """
        given = self._language or (usual if len(sound) < LANGUAGE_DETECTION_SECONDS * HEARING_RATE else None)
        attempts = _attempts(len(sound) / HEARING_RATE, self._short_context)
        sound = np.pad(np.clip(finite(sound), -1, 1), (LEAD, 0))
        segments, information = self._begin(sound, hot_words, given, attempts[0])
        unsure = given is None and information.language_probability < SURE_OF_LANGUAGE
        if usual is not None and unsure and information.language != usual:
            segments, information = self._begin(sound, hot_words, usual, attempts[0])
        found = _compute(segments, max_tokens(sound))
        for last, attempt in pairwise(attempts[:1] if once else attempts):
            if not _failed(found, last):
                break
            segments, _ = self._begin(sound, hot_words, information.language, attempt)
            found = _compute(segments, max_tokens(sound))
        probability = information.language_probability if given is None else None
        words = self._words(sound, hot_words, information.language) if word_times and found else []
        return RecognitionResult(found, information.language, probability, words)

    def _words(self, sound: Sound16, hot_words: str | None, language: str) -> list[tuple[str, float, float]]:
        """The words of a sound that begins with :data:`LEAD`, and their times in seconds after that silence."""
        segments, _ = self._begin(
            sound, hot_words, language, _Attempt(LONG_CONTEXT, LONG_CONTEXT), word_timestamps=True
        )
        lead = LEAD / HEARING_RATE
        return [
            (
                each.word.strip(),
                round(max(0.0, float(each.start) - lead), 2),
                round(max(0.0, float(each.end) - lead), 2),
            )
            for segment in segments
            for each in segment.words or ()
        ]

    def _begin(
        self, sound: Sound16, hot_words: str | None, language: str | None, attempt: _Attempt, **options: Any
    ) -> tuple[Iterable[Any], Information]:
        """Begin to recognise a sound: detect its language if none is given. The segments are computed later."""
        return self._model.transcribe(
            sound,
            language=language,
            encoded_seconds=attempt.encoded_seconds,
            context_seconds=attempt.context_seconds,
            beam_size=1,
            temperature=attempt.temperature,
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=max_tokens(sound),
            hotwords=hot_words,
            **options,
        )


def _failed(found: Sequence[TranscriptSegment], attempt: _Attempt) -> bool:
    """Whether the text is a loop, or the encoder ran on a part of the context only and the text is improbable.

    Improbable text does not count if the sound has no speech, since no attempt would give a more probable one.
    """
    short = attempt.encoded_seconds < LONG_CONTEXT
    if short and says_it_twice(" ".join(segment.text for segment in found)):
        return True
    return any(
        segment.stuck
        or (
            short
            and (segment.no_speech or 0.0) <= MAX_NO_SPEECH
            and (segment.log_probability or 0.0) < RETRY_LOG_PROBABILITY
        )
        for segment in found
    )


def says_it_twice(text: str) -> bool:
    """Whether the text begins once more from its first word and goes on like that to its end."""
    words = [_NO_LETTERS.sub("", word).casefold() for word in text.split()]
    beginnings = range(MIN_REPEATED, len(words) - MIN_REPEATED + 1)
    return any(words[at:] == words[: len(words) - at] for at in beginnings)


def max_tokens(sound: Sound16) -> int:
    """The largest number of tokens that the transcript of a sound may have."""
    return int(min(max(MIN_TOKENS, TOKENS_A_SECOND * len(sound) / HEARING_RATE), MAX_TOKENS))


def _compute(segments: Iterable[Any], limit: int) -> list[TranscriptSegment]:
    """Compute the segments; blocks until all are done."""
    return [
        TranscriptSegment(
            one.text,
            one.no_speech_prob,
            one.avg_logprob,
            one.compression_ratio,
            len(getattr(one, "tokens", ())) >= limit,
        )
        for one in segments
    ]
