"""Whisper makes text up where nothing was said: what is to be believed of its segments, and what is not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
HOPELESS_LOG_PROBABILITY = -1.8
COMPRESSION = 2.4
CHARACTERS_A_SECOND = 40.0
"""Nobody speaks faster; the floor below is for very short sounds."""
FEWEST_CHARACTERS = 24

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
_CREDITS = re.compile(
    r"(thank(s| you)( so much)? for watching|subtitles? by|please subscribe|like and subscribe|amara\.org|"
    r"untertitel (von|der|im auftrag)|sous-titres|субтитры|продолжение следует|ご視聴ありがとう|字幕|請不吝點贊)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """What a Whisper says of a stretch of sound."""

    text: str
    no_speech: float
    log_probability: float
    compression: float


def believable_text(segments: Iterable[HeardSegment], seconds: float) -> str:
    """The text of the segments that can be believed; ``seconds`` is the length of the sound."""
    kept = [segment.text for segment in segments if _believable(segment)]
    text = " ".join(" ".join(_CONTROL.sub("", part) for part in kept).split())
    return text if len(text) <= max(FEWEST_CHARACTERS, CHARACTERS_A_SECOND * seconds) else ""


def _believable(segment: HeardSegment) -> bool:
    if segment.compression > COMPRESSION or segment.log_probability < HOPELESS_LOG_PROBABILITY:
        return False
    doubtful = segment.no_speech > NO_SPEECH or segment.log_probability < LOG_PROBABILITY
    if segment.no_speech > NO_SPEECH and segment.log_probability < LOG_PROBABILITY:
        return False
    return not (_CREDITS.search(segment.text) and (doubtful or segment.no_speech > NO_SPEECH / 3))
