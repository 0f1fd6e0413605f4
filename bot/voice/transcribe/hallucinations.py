"""Hallucinations: text that speech recognisers make up where nothing was said, and what of a transcript to believe."""

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
from bot.text import plain
from bot.voice.transcribe.loops import find_loop, letters
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

PHANTOMS_FILE = Path(__file__).parents[3] / "config" / "language" / "phantoms.yaml"
FIRST_WITHOUT_GAPS = "\u2e80"
"""The scripts from here on are mostly East Asian and written without spaces."""
LONGEST = 400
"""Characters beyond which an utterance is no phantom of these kinds."""

_Phrases = dict[str, list[str]]


class Phantom(Enum):
    """What kind of invention an utterance may be."""

    CREDITS = auto()
    """Nobody says this in a call."""
    VIDEO = auto()
    """The end of a video, which somebody may say all the same."""
    SHORT = auto()
    """A word or two that people say all the time."""


class PhantomsError(BrokenFileError):
    """The file of phantoms can't be used; the text names it and the fault."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    credits: _Phrases
    names: list[str]
    videos: _Phrases
    short: _Phrases


class Phantoms:
    """What is known to be made up, of all languages together.

    Raises:
        PhantomsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = PHANTOMS_FILE) -> None:
        try:
            file = _File.model_validate(read_yaml(path))
        except UNREADABLE as error:
            raise PhantomsError(f"{path} can't be used: {reason(error)}") from error
        self._credits = tuple(_plain_phrases(file.credits))
        self._names = tuple(name for name in map(plain, file.names) if name)
        self._short = frozenset(_plain_phrases(file.short))
        self._endings = sorted({*_plain_phrases(file.videos), *self._short}, key=len, reverse=True)

    def kind(self, text: str) -> Phantom | None:
        """What an utterance may be instead of speech; ``None`` where it is like no known phantom."""
        said = plain(text)
        if not said or len(said) > LONGEST:
            return None
        if any(begins_with(said, phrase) for phrase in self._credits) or any(
            _within(said, name) for name in self._names
        ):
            return Phantom.CREDITS
        used = fill(said, self._endings)
        if used is None:
            return None
        return Phantom.SHORT if self._short.issuperset(used) else Phantom.VIDEO


def begins_with(text: str, phrase: str) -> bool:
    """Whether a plain text begins with these plain words; scripts without blanks need no gap behind them."""
    rest = text.removeprefix(phrase)
    return rest != text and (rest[:1] in ("", " ") or max(phrase[-1], rest[0]) >= FIRST_WITHOUT_GAPS)


def fill(text: str, phrases: Sequence[str]) -> list[str] | None:
    """The phrases, longest first, that a plain text consists of, one after the other; ``None`` if of others as well."""
    used: list[str] = []
    while text:
        phrase = next((phrase for phrase in phrases if begins_with(text, phrase)), None)
        if phrase is None:
            return None
        used.append(phrase)
        text = text[len(phrase) :].lstrip()
    return used


def _within(text: str, words: str) -> bool:
    return f" {words} " in f" {text} " or (words[0] >= FIRST_WITHOUT_GAPS and words in text)


def _plain_phrases(languages: _Phrases) -> Iterable[str]:
    return (phrase for phrases in languages.values() for written in phrases if (phrase := plain(written)))


NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
HOPELESS_LOG_PROBABILITY = -1.8
SURE_NO_SPEECH = 0.2
SURE_LOG_PROBABILITY = -0.6
COMPRESSION = 2.4
"""Text that can be compressed more than this is a loop. From Whisper's own decoding."""
MOSTLY_LOOP = 0.5
"""Share of a text from which a loop leaves nothing to believe; what stands around a shorter one was said."""
SHORTEST_LOOP = 40
"""Bytes of text below which nobody but the recogniser itself may call it a loop: people say "no, no, no"."""
LETTERS_A_SECOND = 40.0
"""Nobody speaks faster; the floor below is for very short sounds."""
FEWEST_LETTERS = 24
NATURAL_LETTERS_A_SECOND = 20.0
"""Few people speak faster."""
SLOW_LETTERS_A_SECOND = 5.0
SLACK, SHORT_SLACK = 0.8, 2.0
"""Seconds by which an utterance may sound longer than its slowest words: around short ones there are sighs, noise."""

TELLING_SECONDS = 2.5
"""Seconds of sound from which on a recogniser can tell the language; of less it guesses."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
_NOTES = re.compile(r"<\|[^|<>]*\|>|\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|\*[^*]*\*|[♪♫🎵🎶]+")
"""What recognisers write about the sound: [BLANK_AUDIO], (coughing), *music*, <|nospeech|>."""
_WORD = re.compile(r"\w")
_BETWEEN = ("and", "und", "och", "et", "en", "og", "ve", "и", "y", "e", "i", "と", "和")
"""What recognisers write between the names of a list."""
_FRAME = HEARING_RATE // 50
_QUIET_SHARE = 0.1
_QUIETEST = 1e-4


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """What a recogniser says of a stretch of sound. The numbers are Whisper's; ``None`` where they are not told.

    ``cut_off``: it did not end by itself, but had written as much as it may.
    """

    text: str
    no_speech: float | None = None
    log_probability: float | None = None
    compression: float | None = None
    cut_off: bool = False

    @property
    def stuck(self) -> bool:
        """Whether it says the same again and again, as nobody does who speaks."""
        return find_loop(self.text, cut_off=self.cut_off) is not None or (self.compression or 0.0) > COMPRESSION

    @property
    def doubtful(self) -> bool:
        """Whether the recogniser itself has doubts."""
        return (self.no_speech or 0.0) > NO_SPEECH or (self.log_probability or 0.0) < LOG_PROBABILITY

    @property
    def sure(self) -> bool | None:
        """Whether the recogniser is sure; ``None`` where it does not say."""
        if self.no_speech is None and self.log_probability is None:
            return None
        return (self.no_speech or 0.0) < SURE_NO_SPEECH and (self.log_probability or 0.0) > SURE_LOG_PROBABILITY


class HallucinationFilter:
    """Decides what was really said. Stateless once built; may be used from any thread.

    Raises:
        PhantomsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = PHANTOMS_FILE) -> None:
        self._phantoms = Phantoms(path)

    def believe(self, segments: Iterable[HeardSegment], sound: Sound16, hot_words: Sequence[str] = ()) -> str:
        """The text that can be believed, on one line; empty where nothing was said.

        Args:
            sound: what the segments were recognised in.
            hot_words: what the recogniser was told to expect.
        """
        cleaned = [(segment, _clean(segment.text)) for segment in segments]
        heard = [(segment, rest) for segment, text in cleaned if (rest := _unlooped(text, cut_off=segment.cut_off))]
        loud = loud_seconds(sound)
        names = frozenset(map(plain, hot_words))
        kept = [text for segment, text in heard if self._is_said(segment, text, loud, names, alone=len(heard) == 1)]
        # Some recognisers make a segment of every round of a loop.
        text = _unlooped(" ".join(" ".join(kept).split()))
        if letters(text) > max(FEWEST_LETTERS, LETTERS_A_SECOND * len(sound) / HEARING_RATE):
            return ""
        return "" if _is_prompt(text, hot_words, loud) else text

    def _is_said(self, segment: HeardSegment, text: str, loud: float, names: frozenset[str], *, alone: bool) -> bool:
        if (segment.log_probability or 0.0) < HOPELESS_LOG_PROBABILITY or _compression(segment, text) > COMPRESSION:
            return False
        if (segment.no_speech or 0.0) > NO_SPEECH and (segment.log_probability or 0.0) < LOG_PROBABILITY:
            return False
        match Phantom.SHORT if plain(text) in names else self._phantoms.kind(text):
            case Phantom.CREDITS:
                return False
            case Phantom.VIDEO:
                # In a call it is far more often made up than said: it needs proof.
                return segment.sure is True and (not alone or _fits(text, loud, NATURAL_LETTERS_A_SECOND, SLACK))
            case Phantom.SHORT:
                known = not alone or segment.sure is True
                return not segment.doubtful and (known or _fits(text, loud, LETTERS_A_SECOND, SHORT_SLACK))
            case None:
                return True


def loud_seconds(sound: Sound16) -> float:
    """How much of a sound is about as loud as its loudest parts: of speech, the words without the silence around."""
    levels = rms_of_frames(finite(sound), _FRAME)
    if not len(levels):
        return 0.0
    threshold = max(_QUIET_SHARE * float(np.percentile(levels, 95)), _QUIETEST)
    return float(np.count_nonzero(levels > threshold)) * _FRAME / HEARING_RATE


def _fits(text: str, loud: float, fastest: float, slack: float) -> bool:
    """Whether somebody would take about so long to say it; ``fastest`` is in letters a second, ``slack`` in seconds."""
    said = letters(plain(text))
    return said / fastest <= loud <= slack + said / SLOW_LETTERS_A_SECOND


def _clean(text: str) -> str:
    text = " ".join(_NOTES.sub(" ", _CONTROL.sub("", text)).split())
    return text if _WORD.search(text) else ""


def _unlooped(text: str, *, cut_off: bool = False) -> str:
    """A text without the loop in it; nothing where the loop is most of it."""
    loop = find_loop(text, cut_off=cut_off)
    if loop is None:
        return text
    return "" if loop.share >= MOSTLY_LOOP else _clean(f"{text[: loop.begin]} {text[loop.end :]}")


def _compression(segment: HeardSegment, text: str) -> float:
    if segment.compression is not None:
        return segment.compression
    data = text.encode(errors="replace")
    return len(data) / len(zlib.compress(data)) if len(data) >= SHORTEST_LOOP else 0.0


def _is_prompt(text: str, hot_words: Sequence[str], loud: float) -> bool:
    """Whether a text is the hot words given back: two or more of them, and nothing else.

    One of them alone is somebody who is called by name; so is one that is said again and again. With an "and" between
    them they are only given back where nobody speaks so fast.
    """
    said = plain(text)
    words = sorted({word for hot in hot_words if (word := plain(hot))}, key=len, reverse=True)
    if _are_given_back(said, words, ()):
        return True
    return loud < letters(said) / NATURAL_LETTERS_A_SECOND and _are_given_back(said, words, _BETWEEN)


def _are_given_back(said: str, words: Sequence[str], between: Sequence[str]) -> bool:
    known = (*words, *between)
    used = fill(said, known)
    if used is None:
        # The last one may have been cut off.
        said, _, rest = said.rpartition(" ")
        used = fill(said, known) if any(word.startswith(rest) for word in words) else None
    return used is not None and len(set(used).difference(between)) > 1
