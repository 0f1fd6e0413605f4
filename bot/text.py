"""Text helpers: Discord messages, lone surrogates and words for comparison."""

from __future__ import annotations

import re
import unicodedata

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


def escape_markdown(text: str) -> str:
    """A text as Discord's markdown shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", text)


_HALF = re.compile("[\ud800-\udfff]")
_OPEN_END = re.compile("[\ud800-\udbff]$")


def join_surrogates(text: str) -> str:
    """``text`` with halves that belong together joined, and U+FFFD in place of every other."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_open_surrogate(text: str) -> tuple[str, str]:
    """``text`` in two: what is whole, and the half of a character at its end, of which the rest is still to come."""
    return (text[:-1], text[-1:]) if _OPEN_END.search(text) else (text, "")


FIRST_UNSPACED = "\u2e80"
"""The scripts from here on are mostly East Asian and written without spaces; those before it have them."""
_PUNCTUATION = re.compile(r"[^\w\s'-]|_")


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without marks; total on any text."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return [word for word in (part.strip("'-") for part in _PUNCTUATION.sub(" ", folded).split()) if word]


def plain(text: str) -> str:
    """The same as one string."""
    return " ".join(plain_words(text))
