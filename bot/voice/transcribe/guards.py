"""Speech recognisers make text up where nothing was said: what of it is to be believed, whichever of them says it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.level import rms_of_frames
from audio.samples import HEARING_RATE, Sound16, finite
from bot.text import plain
from bot.voice.transcribe.loops import find_loop, letters
from bot.voice.transcribe.phantoms import PHANTOMS_FILE, Phantom, Phantoms, fill

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


class Guards:
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
