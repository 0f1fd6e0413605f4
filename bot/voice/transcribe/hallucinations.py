"""The filter of hallucinations: text that speech recognisers make up for sounds without speech."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from audio.level import rms_of_frames
from audio.samples import HEARING_RATE, Sound16, finite
from bot.text import has_phrase, plain, rest_after
from bot.voice.transcribe.loops import find_loop, letters
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

HALLUCINATIONS_FILE = Path(__file__).parents[3] / "config" / "language" / "phantoms.yaml"
"""File of typical hallucinations in many languages."""
MAX_CHARACTERS = 400
"""A text with more characters than this is no typical hallucination."""

_Phrases = dict[str, list[str]]
"""Phrases by language."""


class HallucinationKind(Enum):
    """Kinds of typical hallucinations, which recognisers have learned from subtitled videos."""

    CREDITS = auto()
    """Credits of subtitles. Nobody says them in a call."""
    VIDEO = auto()
    """Words from the end of a video, such as "thanks for watching". People seldom say them in a call."""
    SHORT = auto()
    """One or two words that people often say, such as "thank you"."""


class HallucinationsError(BrokenFileError):
    """The file of typical hallucinations can't be used. The text names the file and the fault."""


class _File(BaseModel):
    """Contents of :data:`HALLUCINATIONS_FILE`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credits: _Phrases
    names: list[str]
    videos: _Phrases
    short: _Phrases


class KnownHallucinations:
    """The typical hallucinations of all languages together.

    Args:
        path: file of typical hallucinations.

    Raises:
        HallucinationsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = HALLUCINATIONS_FILE) -> None:
        try:
            file = _File.model_validate(read_yaml(path))
        except UNREADABLE as error:
            raise HallucinationsError(f"{path} can't be used: {reason(error)}") from error
        self._credits = tuple(_plain_phrases(file.credits))
        self._names = tuple(name for name in map(plain, file.names) if name)
        self._short = frozenset(_plain_phrases(file.short))
        self._whole_phrases = sorted({*_plain_phrases(file.videos), *self._short}, key=len, reverse=True)

    def kind(self, text: str) -> HallucinationKind | None:
        """The kind of hallucination that a text may be; ``None`` if it resembles no typical hallucination."""
        said = plain(text)
        if not said or len(said) > MAX_CHARACTERS:
            return None
        if any(rest_after(said, phrase) is not None for phrase in self._credits) or any(
            has_phrase(said, name) for name in self._names
        ):
            return HallucinationKind.CREDITS
        used = divide_into_phrases(said, self._whole_phrases)
        if used is None:
            return None
        return HallucinationKind.SHORT if self._short.issuperset(used) else HallucinationKind.VIDEO


def divide_into_phrases(text: str, phrases: Sequence[str]) -> list[str] | None:
    """Divide a plain text into phrases; returns the phrases, or ``None`` if the text contains anything else.

    Args:
        text: plain text.
        phrases: plain phrases, in the order in which they are tried, such as the longest first.
    """
    used: list[str] = []
    while text:
        phrase = next((phrase for phrase in phrases if rest_after(text, phrase) is not None), None)
        if phrase is None:
            return None
        used.append(phrase)
        text = text[len(phrase) :].lstrip()
    return used


def _plain_phrases(languages: _Phrases) -> Iterable[str]:
    """The phrases of all languages as plain text."""
    return (phrase for phrases in languages.values() for written in phrases if (phrase := plain(written)))


MAX_NO_SPEECH = 0.6
"""Probability of "no speech" above which a segment is doubtful. Whisper's own decoding has the same limit."""
MIN_LOG_PROBABILITY = -1.0
"""Mean log probability of the tokens below which a segment is doubtful, as in Whisper's own decoding."""
HOPELESS_LOG_PROBABILITY = -1.8
"""Mean log probability of the tokens below which a segment is always dropped."""
SURE_MAX_NO_SPEECH = 0.2
"""Probability of "no speech" below which a segment may be certain."""
SURE_MIN_LOG_PROBABILITY = -0.6
"""Mean log probability of the tokens above which a segment may be certain."""
MAX_COMPRESSION = 2.4
"""Compression ratio above which a text is a loop (words written again and again), as in Whisper's own decoding."""
MAX_LOOP_SHARE = 0.5
"""If a loop is at least this share of a text, the whole text is dropped. Otherwise only the loop is dropped."""
MIN_BYTES_TO_COMPRESS = 40
"""The compression ratio of a text with fewer bytes is not computed here, since people do say "no, no, no"."""
MAX_LETTERS_A_SECOND = 40.0
"""Highest rate at which anybody speaks, in letters per second."""
ALWAYS_ALLOWED_LETTERS = 24
"""A text with at most this many letters is never too long for its sound."""
NATURAL_LETTERS_A_SECOND = 20.0
"""Rate above which few people speak, in letters per second."""
SLOW_LETTERS_A_SECOND = 5.0
"""Rate below which few people speak, in letters per second."""
SLACK, SHORT_SLACK = 0.8, 2.0
"""Seconds by which a sound may be longer than the time that its text takes at the slowest rate.

The second value is for short texts, which often have a sigh or noise around them.
"""

LANGUAGE_DETECTION_SECONDS = 2.5
"""Minimum number of seconds of sound in which a recogniser can detect the language reliably."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
"""Control characters and replacement characters."""
_NOTES = re.compile(r"<\|[^|<>]*\|>|\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|\*[^*]*\*|[♪♫🎵🎶]+")
"""Notes that recognisers write about the sound: [BLANK_AUDIO], (coughing), *music*, <|nospeech|>."""
_WORD = re.compile(r"\w")
_BETWEEN = ("and", "und", "och", "et", "en", "og", "ve", "и", "y", "e", "i", "と", "和")
"""Words that recognisers write between the names of a list."""
_FRAME_SAMPLES = HEARING_RATE // 50
"""Samples of a frame whose level is measured: 20 ms."""
_QUIET_SHARE = 0.1
"""A frame is quiet if its level is below this share of the loudest frames' level."""
_QUIETEST = 1e-4
"""Level below which a frame is always quiet."""


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """A recogniser's text for a part of the sound, with Whisper's numbers; other recognisers may give ``None``.

    Attributes:
        text: the text.
        no_speech: probability that there is no speech, 0 to 1.
        log_probability: mean log probability of the tokens.
        compression: compression ratio of the text.
        cut_off: True if the recogniser stopped because it had written as many tokens as it may.
    """

    text: str
    no_speech: float | None = None
    log_probability: float | None = None
    compression: float | None = None
    cut_off: bool = False

    @property
    def stuck(self) -> bool:
        """True if the recogniser was stuck in a loop."""
        return find_loop(self.text, cut_off=self.cut_off) is not None or (self.compression or 0.0) > MAX_COMPRESSION

    @property
    def doubtful(self) -> bool:
        """True if the recogniser's own numbers say that the text is uncertain."""
        return (self.no_speech or 0.0) > MAX_NO_SPEECH or (self.log_probability or 0.0) < MIN_LOG_PROBABILITY

    @property
    def sure(self) -> bool | None:
        """True if the recogniser's own numbers say that the text is certain; ``None`` if it gives no numbers."""
        if self.no_speech is None and self.log_probability is None:
            return None
        return (self.no_speech or 0.0) < SURE_MAX_NO_SPEECH and (self.log_probability or 0.0) > SURE_MIN_LOG_PROBABILITY


class HallucinationFilter:
    """Removes hallucinations from a recogniser's text. Thread-safe.

    Args:
        path: file of typical hallucinations.

    Raises:
        HallucinationsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = HALLUCINATIONS_FILE) -> None:
        self._known = KnownHallucinations(path)

    def filter(self, segments: Iterable[TranscriptSegment], sound: Sound16, hot_words: Sequence[str] = ()) -> str:
        """Join the segments that were really said; returns one line of text, empty if nothing was said.

        Args:
            segments: the recogniser's segments.
            sound: sound of the segments: mono, 16,000 Hz.
            hot_words: names and terms that the recogniser was told to expect.
        """
        cleaned = [(segment, _clean(segment.text)) for segment in segments]
        heard = [(segment, rest) for segment, text in cleaned if (rest := _unlooped(text, cut_off=segment.cut_off))]
        loud = loud_seconds(sound)
        names = frozenset(map(plain, hot_words))
        kept = [text for segment, text in heard if self._was_said(segment, text, loud, names, alone=len(heard) == 1)]
        # Some recognisers write each repetition of a loop as a segment.
        text = _unlooped(" ".join(" ".join(kept).split()))
        if letters(text) > max(ALWAYS_ALLOWED_LETTERS, MAX_LETTERS_A_SECOND * len(sound) / HEARING_RATE):
            return ""
        return "" if _is_hot_word_list(text, hot_words, loud) else text

    def _was_said(
        self, segment: TranscriptSegment, text: str, loud: float, names: frozenset[str], *, alone: bool
    ) -> bool:
        """True if a segment was really said.

        Args:
            segment: the recogniser's segment.
            text: cleaned text of the segment.
            loud: loud seconds of the whole sound; see :func:`loud_seconds`.
            names: hot words as plain text.
            alone: True if the segment is the only one.
        """
        if (segment.log_probability or 0.0) < HOPELESS_LOG_PROBABILITY or _compression(segment, text) > MAX_COMPRESSION:
            return False
        if (segment.no_speech or 0.0) > MAX_NO_SPEECH and (segment.log_probability or 0.0) < MIN_LOG_PROBABILITY:
            return False
        match HallucinationKind.SHORT if plain(text) in names else self._known.kind(text):
            case HallucinationKind.CREDITS:
                return False
            case HallucinationKind.VIDEO:
                # In a call such a text is far more often made up than said, so it is kept only if it is certain.
                return segment.sure is True and (not alone or _fits(text, loud, NATURAL_LETTERS_A_SECOND, SLACK))
            case HallucinationKind.SHORT:
                certain = not alone or segment.sure is True
                return not segment.doubtful and (certain or _fits(text, loud, MAX_LETTERS_A_SECOND, SHORT_SLACK))
            case None:
                return True


def loud_seconds(sound: Sound16) -> float:
    """The seconds of a sound that are about as loud as its loudest parts: the words without the silence around them."""
    levels = rms_of_frames(finite(sound), _FRAME_SAMPLES)
    if not len(levels):
        return 0.0
    threshold = max(_QUIET_SHARE * float(np.percentile(levels, 95)), _QUIETEST)
    return float(np.count_nonzero(levels > threshold)) * _FRAME_SAMPLES / HEARING_RATE


def _fits(text: str, loud: float, fastest: float, slack: float) -> bool:
    """True if a person could say the text in about the given time.

    Args:
        text: transcript.
        loud: loud seconds of the sound.
        fastest: highest rate of speech, in letters per second.
        slack: seconds by which the sound may be longer than the time that the text takes at the slowest rate.
    """
    said = letters(plain(text))
    return said / fastest <= loud <= slack + said / SLOW_LETTERS_A_SECOND


def _clean(text: str) -> str:
    """The text without control characters and notes about the sound; empty if no letters are left."""
    text = " ".join(_NOTES.sub(" ", _CONTROL.sub("", text)).split())
    return text if _WORD.search(text) else ""


def _unlooped(text: str, *, cut_off: bool = False) -> str:
    """The text without its loop; empty if the loop is most of the text."""
    loop = find_loop(text, cut_off=cut_off)
    if loop is None:
        return text
    return "" if loop.share >= MAX_LOOP_SHARE else _clean(f"{text[: loop.begin]} {text[loop.end :]}")


def _compression(segment: TranscriptSegment, text: str) -> float:
    """The compression ratio of a segment's text; 0 if the text is too short to compute it."""
    if segment.compression is not None:
        return segment.compression
    data = text.encode(errors="replace")
    return len(data) / len(zlib.compress(data)) if len(data) >= MIN_BYTES_TO_COMPRESS else 0.0


def _is_hot_word_list(text: str, hot_words: Sequence[str], loud: float) -> bool:
    """True if the recogniser has only written its hot words: two or more different ones, and nothing else.

    A single hot word is kept even if it is repeated, since people call each other by name. If there is an "and"
    between hot words, the result is True only if the sound is too short for a person to have said them.
    """
    said = plain(text)
    words = sorted({word for hot in hot_words if (word := plain(hot))}, key=len, reverse=True)
    if _are_hot_words(said, words, ()):
        return True
    return loud < letters(said) / NATURAL_LETTERS_A_SECOND and _are_hot_words(said, words, _BETWEEN)


def _are_hot_words(said: str, words: Sequence[str], between: Sequence[str]) -> bool:
    """True if a plain text consists of two or more different ``words``. Words of ``between`` may stand among them."""
    known = (*words, *between)
    used = divide_into_phrases(said, known)
    if used is None:
        # The last word may have been cut off.
        said, _, rest = said.rpartition(" ")
        used = divide_into_phrases(said, known) if any(word.startswith(rest) for word in words) else None
    return used is not None and len(set(used).difference(between)) > 1
