"""What small models can't do: recognises words that ask for it, and has the honest answer that stands in for theirs.

Small models are told of no tools. Asked for a reminder or a drawing, they would promise it, or apologise for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bot.text import phrase_pattern, plain, rest_after
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

LIMITS_FILE = Path(__file__).parents[2] / "config" / "language" / "small_limits.yaml"
MAX_CLAUSE = 300
"""Longest clause that is looked at, in characters. Nobody asks for a reminder with more words."""
_CLAUSE_ENDS = re.compile(r"[.!?,;:…\n。！？，；：]+")
"""Without 、, which in Japanese stands after a verb that goes on, as in 絵を描いて、帰った: that is no request."""
_ANY_WORDS, _ONE_WORD, _END = "…", "_", "."

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
        self._languages = [_Phrases.of(language) for language in languages.values()]

    def answer(self, text: str, names: Sequence[str]) -> str | None:
        """The answer to words that ask for what a small model can't do; ``None`` if they don't.

        Args:
            names: names of the bot. One of them may stand before the request.
        """
        called = _longest_first(names)
        clauses = [plain(part[:MAX_CLAUSE]) for part in _CLAUSE_ENDS.split(text)]
        answers = (phrases.answer(clause, called) for clause in clauses for phrases in self._languages)
        return next((answer for answer in answers if answer is not None), None)


@dataclass(frozen=True, slots=True)
class _Phrases:
    """The phrases of one language. Its polite words open only its own requests: they mean other things elsewhere."""

    polite: list[str]
    limits: list[tuple[re.Pattern[str], re.Pattern[str], str]]
    """What asks, what is excepted, and what is said."""

    @classmethod
    def of(cls, language: _Language) -> _Phrases:
        return cls(
            _longest_first(language.polite),
            [
                (_begins_with(limit.asks), _begins_with(limit.unless), limit.says)
                for limit in (language.tools, language.pictures, language.search)
            ],
        )

    def answer(self, clause: str, names: list[str]) -> str | None:
        """What is said to a plain clause; ``None`` if it asks for nothing. Plain names may stand before the request."""
        rest: str | None = clause
        while rest:
            for asks, unless, says in self.limits:
                if asks.match(rest) and not unless.match(rest):
                    return says
            afters = (rest_after(rest, word) for word in (*names, *self.polite))
            rest = next((after for after in afters if after is not None), None)
        return None


def _longest_first(words: Iterable[str]) -> list[str]:
    return sorted(filter(None, map(plain, words)), key=len, reverse=True)


def _begins_with(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for plain clauses that begin with one of the phrases. Without phrases, it matches nothing."""
    return re.compile("|".join(_pattern(phrase) for phrase in phrases) or r"(?!)")


def _pattern(phrase: str) -> str:
    parts = [_part_pattern(part) for part in phrase.split(_ANY_WORDS)]
    return f"(?:{'.*?'.join(parts)}{'$' if phrase.endswith(_END) else ''})"


def _part_pattern(part: str) -> str:
    """A pattern for a part of a phrase in which no words are missing but those that ``_`` stands for."""
    if _ONE_WORD not in part:
        return phrase_pattern(whole) if (whole := plain(part)) else ""
    words = (word.strip(_END) for word in part.split())
    patterns = [_one_word(word[1:]) if word.startswith(_ONE_WORD) else re.escape(plain(word)) for word in words]
    return rf"(?<!\S){' '.join(patterns)}(?!\S)"


def _one_word(ending: str) -> str:
    return rf"\S*{re.escape(plain(ending))}" if ending else r"\S+"
