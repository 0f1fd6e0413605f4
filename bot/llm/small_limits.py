"""What small models can't do: recognises words that ask for it, and has the honest answer that stands in for theirs.

Small models are told of no tools. Asked for a reminder or a drawing, they would promise it, or apologise for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bot.text import phrase_pattern, plain, rest_after
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

LIMITS_FILE = Path(__file__).parents[2] / "config" / "language" / "small_limits.yaml"
MAX_CLAUSE = 300
"""Longest clause that is looked at, in characters. Nobody asks for a reminder with more words."""
_CLAUSE_ENDS = re.compile(r"[.!?,;:…\n。！？，、；：]+")
_ANY_WORDS, _END = "…", "."

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class SmallLimitsError(BrokenFileError):
    """The file can't be used. The message names the file and the mistake in it."""


class _Limit(BaseModel):
    """One kind of request that a small model can't carry out, in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asks: Annotated[list[_Words], Field(min_length=1)]
    says: _Words
    unless: list[_Words] = []


class _Language(BaseModel):
    """All limits in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    polite: list[_Words]
    tools: _Limit
    pictures: _Limit
    search: _Limit


class SmallLimits:
    """Finds out whether words ask for what a small model can't do. All languages are recognised at once.

    Raises:
        SmallLimitsError: the file at ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = LIMITS_FILE) -> None:
        try:
            languages = TypeAdapter(dict[str, _Language]).validate_python(read_yaml(path))
        except UNREADABLE as error:
            raise SmallLimitsError(f"{path} can't be used: {reason(error)}") from error
        self._polite = _longest_first(word for language in languages.values() for word in language.polite)
        self._limits = [
            (_begins_with(limit.asks), _begins_with(limit.unless), limit.says)
            for language in languages.values()
            for limit in (language.tools, language.pictures, language.search)
        ]

    def answer(self, text: str, names: Sequence[str]) -> str | None:
        """The answer to words that ask for what a small model can't do; ``None`` if they don't.

        Args:
            names: names of the bot. One of them may stand before the request.
        """
        opening = (*_longest_first(names), *self._polite)
        for part in _CLAUSE_ENDS.split(text):
            clause: str | None = plain(part[:MAX_CLAUSE])
            while clause:
                for asks, unless, says in self._limits:
                    if asks.match(clause) and not unless.match(clause):
                        return says
                clause = next((rest for word in opening if (rest := rest_after(clause, word)) is not None), None)
        return None


def _longest_first(words: Iterable[str]) -> list[str]:
    return sorted(filter(None, map(plain, words)), key=len, reverse=True)


def _begins_with(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for plain clauses that begin with one of the phrases. Without phrases, it matches nothing."""
    return re.compile("|".join(_pattern(phrase) for phrase in phrases) or r"(?!)")


def _pattern(phrase: str) -> str:
    parts = [phrase_pattern(words) if (words := plain(part)) else "" for part in phrase.split(_ANY_WORDS)]
    return f"(?:{'.*?'.join(parts)}{'$' if phrase.endswith(_END) else ''})"
