"""A listener's "mhm": a sign to go on, and no interruption."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from bot.voice.phrases import plain, plain_words

BACKCHANNELS_FILE = Path(__file__).parents[2] / "config" / "language" / "backchannels.yaml"
LONGEST = 4
"""Words beyond which it is no sign any more, whatever the words."""


def is_backchannel(text: str) -> bool:
    """Whether a remark is nothing but such signs, one or a few."""
    words = plain_words(text)
    return bool(words) and len(words) <= LONGEST and _only_signs(words)


def _only_signs(words: list[str]) -> bool:
    if not words:
        return True
    return any(" ".join(words[:n]) in _signs() and _only_signs(words[n:]) for n in range(1, len(words) + 1))


@cache
def _signs() -> frozenset[str]:
    languages: dict[str, list[str]] = yaml.safe_load(BACKCHANNELS_FILE.read_text(encoding="utf-8"))
    return frozenset(plain(sign) for signs in languages.values() for sign in signs)
