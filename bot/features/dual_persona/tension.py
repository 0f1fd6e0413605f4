"""Tension of a conversation: what each message adds, and how it decays. Pure functions."""

from __future__ import annotations

import re

from bot.llm.personas import Persona

HALF_LIFE = 600.0
"""Seconds after which half of a score is gone.

With one plain message (1 point) every minute, the score approaches 15; with one every two minutes, it approaches 8.
"""
MESSAGE = 1.0
"""Points for every message."""
HEATED = 1.0
"""Further points for heated words or shouting."""
TWIN_NAMED = 2.0
"""Further points if the message names the twin."""

# The patterns find angry English words, and signs of anger in any language: "!!" or "??", and words in capitals.
_HEATED = re.compile(
    r"\b(angry|argue|awful|dumb|fight|furious|garbage|hate[ds]?|idiots?|liars?|lies|lying|nonsense|ridiculous|shut up"
    r"|stupid|terrible|trash|ugly|unfair|worst|wrong)\b|[!?]{2,}",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\b[^\W\d_a-z]{4,}\b")


def tension_of(text: str, twin: Persona) -> float:
    """The points that one message adds to the tension of its channel."""
    points = MESSAGE
    if _HEATED.search(text) or any(word.isupper() for word in _SHOUTED.findall(text)):
        points += HEATED
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in twin.names):
        points += TWIN_NAMED
    return points


def decayed(score: float, seconds: float) -> float:
    """The score after ``seconds`` without messages."""
    # If the clock was set back, the score must not rise.
    return float(score * 0.5 ** (max(0.0, seconds) / HALF_LIFE))
