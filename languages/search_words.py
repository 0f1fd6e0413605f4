"""Words for full-text search: what is put into an index of SQLite's FTS5, and the query that finds it.

Texts are cut here and not by FTS5, because its tokenizers take a whole Chinese sentence for one word. A table is made
with :data:`TOKENIZER`, holds what :func:`index_text` returns, and is asked with what :func:`query` returns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

TOKENIZER = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
"""The value of FTS5's option ``tokenize``: it parts the words of :func:`index_text` at spaces and changes nothing."""

MAX_QUERY_CHARS = 1_000
"""Of a longer question, only this many characters are read."""
MAX_QUERY_WORDS = 48
"""Of a question with more different words, only the first ones are looked for."""
MAX_WORD_CHARS = 40
"""Longer words are cut, in the index and in the query alike."""

# Scripts without spaces between words, and Hangul, whose words carry particles: indexed as pairs of characters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "\u0591-\u05bd\u064b-\u0655\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0b82\u0bbe-\u0bcd"
"""Vowel signs of spaced scripts, which Python's ``\\w`` leaves out."""
_LETTERS = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])+"
_WORD = re.compile(rf"([{_UNSPACED}]+)|{_LETTERS}(?:['\u2019]{_LETTERS})*")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_APOSTROPHE = re.compile("['\u2019]")

_ENGLISH = (
    "a about am an and any are as at be been but by can could did do does for from had has have he her "
    "him his how i if in is it its me my no not of on or our she so some tell than that the their them "
    "then there they this to us was we were what when where which who whom whose why will with would you "
    "your "
)
_GERMAN = (
    "aber als am an auf aus bei bin bis da das dass dein dem den der des die dir doch du ein eine einem "
    "einen einer eines er es fur hat habe haben hast ich ihm ihn ihr ihre im in ist ja kann man mein "
    "meine mich mir mit nach nicht noch nun oder ob sein seine sich sie sind so und uns unser vom von vor "
    "war waren warum was welche welchem welchen welcher welches wem wen wenn wer wie wieviel wird wo "
    "wohin wurde zu zum zur uber "
)
_CHINESE = (
    "什么 怎么 多少 哪里 哪个 哪些 哪位 为什 是什 么是 是谁 谁是 几个 你们 我们 他们 知道 告诉 请问 是多 有多 这个 那个"
)
_FUNCTION_WORDS = frozenset((_ENGLISH + _GERMAN).split())
_FUNCTION_PAIRS = frozenset(_CHINESE.split())


def words(text: str) -> Iterator[str]:
    """The words of a text in their order, as they are indexed.

    Case and accents are folded, and common English and German endings cut off: "Katzen" and "Katze" are one word.
    In Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese, the words are all pairs of neighbouring characters, and
    the last character alone.
    """
    for word, pairs in _found(text):
        if pairs:
            yield from (word[at : at + 2] for at in range(len(word)))
        else:
            yield word


def index_text(text: str) -> str:
    """The text that an FTS5 table gets for this text: its :func:`words`, separated by spaces."""
    return " ".join(words(text))


def query(text: str, *, every: bool = False) -> str:
    """An FTS5 query for a question or some words, everything quoted; ``""`` if it has no word.

    Rows are found that have at least one of the words, so rank them by ``bm25``. Function words ("the", "was") are
    looked for only if there are no others.

    Args:
        every: find only the rows that have all words, function words too.
    """
    terms: dict[
        str, bool
    ] = {}  # the query's terms, and whether each is a function word; a dictionary keeps their order
    for word, pairs in _found(text[:MAX_QUERY_CHARS]):
        if not pairs:
            terms[f'"{word}"'] = word in _FUNCTION_WORDS
        elif len(word) == 1:
            # The character is found as the first of an indexed pair, and alone where it is the last of its run.
            terms[f'"{word}"*'] = False
        else:
            terms |= {f'"{word[at : at + 2]}"': word[at : at + 2] in _FUNCTION_PAIRS for at in range(len(word) - 1)}
    wanted = (
        list(terms)
        if every
        else [term for term, is_function_word in terms.items() if not is_function_word] or list(terms)
    )
    return (" AND " if every else " OR ").join(wanted[:MAX_QUERY_WORDS])


def telling_words(text: str) -> list[str]:
    """The different :func:`words` of a question in their order, without function words unless there are no others."""
    terms: dict[str, bool] = {}
    for word, pairs in _found(text[:MAX_QUERY_CHARS]):
        if not pairs:
            terms[word] = word in _FUNCTION_WORDS
        else:
            cut = [word[at : at + 2] for at in range(len(word) - 1)] or [word]
            terms |= {pair: pair in _FUNCTION_PAIRS for pair in cut}
    return [term for term, is_function_word in terms.items() if not is_function_word] or list(terms)


def _found(text: str) -> Iterator[tuple[str, bool]]:
    """Each folded word, or run of an unspaced script, and whether it is such a run."""
    for match in _WORD.finditer(_fold(text)):
        if match[1]:
            yield match[1], True
        else:
            yield _without_ending(_without_apostrophes(match[0]))[:MAX_WORD_CHARS], False


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def _without_apostrophes(word: str) -> str:
    if word.isalnum():
        return word
    parts = [part for part in _APOSTROPHE.split(word) if part]
    if len(parts) > 1 and parts[-1] == "s":
        parts.pop()  # the English genitive
    if len(parts) > 1 and len(parts[0]) <= 2 and len(parts[1]) > 2:
        parts.pop(0)  # an article, as in "l'eau"
    return "".join(parts)


def _without_ending(word: str) -> str:
    """A stem that the forms of an English or German word mostly share. It need not be a word."""
    if len(word) < 4 or not word.isascii() or not word.isalpha() or word in _FUNCTION_WORDS:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending, least in (("ern", 4), ("ing", 3), ("en", 3), ("er", 4), ("em", 4), ("ed", 3), ("e", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    return word
