"""Utterances that speech recognisers make up: the ends of videos, credits, and short words that mostly are real."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.text import plain
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

PHANTOMS_FILE = Path(__file__).parents[3] / "config" / "language" / "phantoms.yaml"
FIRST_WITHOUT_GAPS = "\u2e80"
"""The scripts from here on are mostly East Asian and written without spaces."""
LONGEST = 400
"""Characters beyond which an utterance is no phantom of these kinds."""

_Phrases = dict[str, list[str]]


class Phantom(Enum):
    """What kind of invention an utterance may be."""

    CREDITS = auto()
    """Nobody says this in a call."""
    VIDEO = auto()
    """The end of a video, which somebody may say all the same."""
    SHORT = auto()
    """A word or two that people say all the time."""


class PhantomsError(BrokenFileError):
    """The file of phantoms can't be used; the text names it and the fault."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    credits: _Phrases
    names: list[str]
    videos: _Phrases
    short: _Phrases


class Phantoms:
    """What is known to be made up, of all languages together.

    Raises:
        PhantomsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = PHANTOMS_FILE) -> None:
        try:
            file = _File.model_validate(read_yaml(path))
        except UNREADABLE as error:
            raise PhantomsError(f"{path} can't be used: {reason(error)}") from error
        self._credits = tuple(_plain_phrases(file.credits))
        self._names = tuple(name for name in map(plain, file.names) if name)
        self._short = frozenset(_plain_phrases(file.short))
        self._endings = sorted({*_plain_phrases(file.videos), *self._short}, key=len, reverse=True)

    def kind(self, text: str) -> Phantom | None:
        """What an utterance may be instead of speech; ``None`` where it is like no known phantom."""
        said = plain(text)
        if not said or len(said) > LONGEST:
            return None
        if any(begins_with(said, phrase) for phrase in self._credits) or any(
            _within(said, name) for name in self._names
        ):
            return Phantom.CREDITS
        used = fill(said, self._endings)
        if used is None:
            return None
        return Phantom.SHORT if self._short.issuperset(used) else Phantom.VIDEO


def begins_with(text: str, phrase: str) -> bool:
    """Whether a plain text begins with these plain words; scripts without blanks need no gap behind them."""
    rest = text.removeprefix(phrase)
    return rest != text and (rest[:1] in ("", " ") or max(phrase[-1], rest[0]) >= FIRST_WITHOUT_GAPS)


def fill(text: str, phrases: Sequence[str]) -> list[str] | None:
    """The phrases, longest first, that a plain text consists of, one after the other; ``None`` if of others as well."""
    used: list[str] = []
    while text:
        phrase = next((phrase for phrase in phrases if begins_with(text, phrase)), None)
        if phrase is None:
            return None
        used.append(phrase)
        text = text[len(phrase) :].lstrip()
    return used


def _within(text: str, words: str) -> bool:
    return f" {words} " in f" {text} " or (words[0] >= FIRST_WITHOUT_GAPS and words in text)


def _plain_phrases(languages: _Phrases) -> Iterable[str]:
    return (phrase for phrases in languages.values() for written in phrases if (phrase := plain(written)))
