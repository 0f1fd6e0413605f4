"""Text as Discord wants it."""

from __future__ import annotations

import re

MESSAGE_LIMIT = 2_000
_MARKDOWN = re.compile(r"([\\*_~`|<>\[\]#@])")
_SEPARATORS = ("\n\n", "\n", ". ", "! ", "? ", "。", "！", "？", " ")


def split_message(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Cut ``text`` into parts of at most ``limit`` characters, at the best place in the second half of each."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _best_cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def _best_cut(text: str, limit: int) -> int:
    for separator in _SEPARATORS:
        at = text.rfind(separator, limit // 2, limit)
        if at >= 0:
            return at + len(separator)
    return limit


def shorten(text: str, limit: int) -> str:
    """Cut ``text`` to ``limit`` characters with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def literal(text: str) -> str:
    """A text as Discord's markdown shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", text)
