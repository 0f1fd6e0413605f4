"""Text helpers: splitting Discord messages, joining surrogates, comparing words, and amounts and lists for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MESSAGE_LIMIT = 2_000
"""Maximum number of characters in a Discord message."""
_MARKDOWN = re.compile(r"([\\*_~`|<>\[\]#@])")
_SEPARATORS = ("\n\n", "\n", ". ", "! ", "? ", "。", "！", "？", " ")


def split_message(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Cut ``text`` into parts of at most ``limit`` characters.

    Each cut is in the second half of a part: after a paragraph, line, sentence or word, in this order of preference. If
    there is none, the part is cut after ``limit`` characters.
    """
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
    """Cut ``text`` to at most ``limit`` characters. A cut text ends with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str, limit: int) -> str:
    """``text`` on one line, cut to at most ``limit`` characters: for words of another program."""
    return shorten(" ".join(text[: 4 * limit].split()), limit)


def escape_markdown(text: str) -> str:
    """Escape ``text``, so that Discord shows it unchanged and not as markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


_ESCAPED = re.compile(r"\\([\\*_~`|<>\[\]#@])")


def unescape_markdown(text: str) -> str:
    """Undo :func:`escape_markdown`, for a place that shows text as it is."""
    return _ESCAPED.sub(r"\1", text)


# JSON can write an emoji as two escaped surrogates, and a server may send them in two events. A lone surrogate can't be
# written to a file, a database or a socket.
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPEN_END = re.compile("[\ud800-\udbff]$")


def join_surrogates(text: str) -> str:
    """Join surrogate pairs to characters, and replace each lone surrogate by U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_open_surrogate(text: str) -> tuple[str, str]:
    """Split off a high surrogate ("" if none) at the end of ``text``. Its low surrogate may be in the next piece."""
    return (text[:-1], text[-1:]) if _OPEN_END.search(text) else (text, "")


FIRST_UNSPACED = "\u2e80"
"""From this character on, most scripts are East Asian and written without spaces."""
_PUNCTUATION = re.compile(r"[^\w\s'-]|_")


def plain_words(text: str) -> list[str]:
    """The words of ``text`` for comparison: case-folded, without punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return [word for word in (part.strip("'-") for part in _PUNCTUATION.sub(" ", folded).split()) if word]


_SENTENCE_MARKS = '.,;:!?…。、，！？；：¿¡"“”„«»()[]—–'


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts have the same words. Case, and punctuation at the ends of words, don't matter."""
    return one == other or (bool(words := _spoken_words(one)) and words == _spoken_words(other))


def _spoken_words(text: str) -> list[str]:
    return [word for part in text.casefold().split() if (word := part.strip(_SENTENCE_MARKS))]


def plain(text: str) -> str:
    """The words of ``text`` for comparison (:func:`plain_words`), joined by spaces."""
    return " ".join(plain_words(text))


def rest_after(text: str, phrase: str) -> str | None:
    """What follows a phrase at the beginning of a text; ``None`` if the text does not begin with it. Both are plain.

    The phrase must end at the end of a word. In scripts without spaces, a word may end anywhere: it is enough if the
    character before or after its end is of such a script.
    """
    if not text.startswith(phrase):
        return None
    rest = text[len(phrase) :]
    ends = not phrase or rest[:1] in ("", " ") or max(phrase[-1], rest[0]) >= FIRST_UNSPACED
    return rest.lstrip() if ends else None


def rest_before(text: str, phrase: str) -> str | None:
    """What precedes a phrase at the end of a text; ``None`` if the text does not end with it. Both are plain.

    The phrase must begin at the beginning of a word, with the same exception as in :func:`rest_after`.
    """
    if not text.endswith(phrase):
        return None
    rest = text[: len(text) - len(phrase)]
    begins = not phrase or rest[-1:] in ("", " ") or max(rest[-1], phrase[0]) >= FIRST_UNSPACED
    return rest.rstrip() if begins else None


def mentions(text: str, name: str) -> bool:
    """Whether a text has a name, also in a genitive such as "Ada's". In scripts without spaces, any position counts."""
    said, sought = plain(text), plain(name)
    if not sought or max(sought) >= FIRST_UNSPACED:
        return bool(sought) and sought in said
    letter = rf"[^\W_{FIRST_UNSPACED}-\U0010ffff]"
    return re.search(rf"(?<!{letter}){re.escape(sought)}(?:'?s)?(?!{letter})", said) is not None


def has_phrase(text: str, phrase: str) -> bool:
    """Whether a text has the words of a phrase. Both are plain. In scripts without spaces, any position counts."""
    return phrase in text if phrase[0] >= FIRST_UNSPACED else f" {phrase} " in f" {text} "


def phrase_pattern(phrase: str) -> str:
    """A regular expression for a plain phrase as :func:`has_phrase` finds it."""
    return re.escape(phrase) if phrase[0] >= FIRST_UNSPACED else rf"(?<!\S){re.escape(phrase)}(?!\S)"


def size(amount: int) -> str:
    """An amount of bytes for people, in decimal units: "1.5 GB"."""
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6)):
        if amount >= bytes_each:
            return f"{amount / bytes_each:.1f} {unit}"
    return f"{max(amount, 0) / 1000:.1f} kB"


def counted(number: int, what: str) -> str:
    """A number of things in words: "1 file", "1,200 files". ``what`` is the singular; its plural ends in "s"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def enumerated(words: Iterable[str]) -> str:
    """One or more words as a list: "ears, mind and voice"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
