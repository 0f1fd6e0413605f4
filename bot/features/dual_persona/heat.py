"""How a conversation heats up and cools down. Pure functions."""

from __future__ import annotations

import re

from bot.llm.personas import Persona

HALF_LIFE = 600.0
"""Seconds in which half of a score is gone: a message a minute leads to 14 in the long run, one every two to 8."""
MESSAGE = 1.0
HEATED = 1.0
TWIN_NAMED = 2.0

# English words, and what is anger in any language: shouting.
_HEATED = re.compile(
    r"\b(angry|argue|awful|dumb|fight|furious|garbage|hate[ds]?|idiots?|liars?|lies|lying|nonsense|ridiculous|shut up"
    r"|stupid|terrible|trash|ugly|unfair|worst|wrong)\b|[!?]{2,}",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\b[^\W\d_a-z]{4,}\b")


def heat(text: str, twin: Persona) -> float:
    """How much one message adds: it counts as such, more when it is heated, most when it names the twin."""
    points = MESSAGE
    if _HEATED.search(text) or any(word.isupper() for word in _SHOUTED.findall(text)):
        points += HEATED
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in twin.names):
        points += TWIN_NAMED
    return points


def cooled(score: float, seconds: float) -> float:
    """What is left of a score after so long."""
    # A clock that was set back heats nothing up.
    return float(score * 0.5 ** (max(0.0, seconds) / HALF_LIFE))
