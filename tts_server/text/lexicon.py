"""Lexicons: the words of each language for signs, numbers, abbreviations and formulas. They are read from ``data/``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from num2words import CONVERTER_CLASSES
from pydantic import BaseModel, ValidationError

from config.errors import message_of
from config.reasons import reason
from config.yaml_files import read_yaml
from languages.tags import primary_language
from tts_server.text.lexicon_schema import Lexicon, Numbers, SharedLexicon

DATA = Path(__file__).parent / "data"
_SHARED = "common"
_CACHED_LANGUAGES = 64
Data = TypeVar("Data", bound=BaseModel)


class LexiconError(ValueError):
    """A language's file can't be used; the message names the file, the key and the mistake."""


def lexicon_for(language: str) -> Lexicon:
    """Return the lexicon of a language tag's primary language.

    A language without a file gets English phrases and plain numbers from num2words.

    Raises:
        LexiconError: the language's file is broken.
    """
    main = primary_language(language)
    return _lexicon(main) if main in covered_languages() else _fallback_lexicon(main)


@cache
def covered_languages() -> frozenset[str]:
    """Return the languages that have a file."""
    return frozenset(path.stem for path in DATA.glob("*.yaml")) - {_SHARED}


@cache
def shared_lexicon() -> SharedLexicon:
    """Return the rules for all languages."""
    return read_lexicon(DATA / f"{_SHARED}.yaml", SharedLexicon)


@cache
def dotted_abbreviations() -> frozenset[str]:
    """Return all languages' abbreviations that end no sentence, in lower case, without their full stop."""
    return frozenset(short for shorts in shared_lexicon().no_sentence_end.values() for short in shorts)


@cache
def _lexicon(main: str) -> Lexicon:
    return read_lexicon(DATA / f"{main}.yaml", Lexicon)


@lru_cache(_CACHED_LANGUAGES)
def _fallback_lexicon(main: str) -> Lexicon:
    comma = main in shared_lexicon().decimal_comma
    has_words = main in CONVERTER_CLASSES and main not in shared_lexicon().figures_left
    numbers = Numbers(decimal="," if comma else ".") if has_words else None
    return Lexicon(phrases=_lexicon("en").phrases, numbers=numbers)


def read_lexicon(path: Path, kind: type[Data]) -> Data:
    """Read and check one of the YAML files.

    Raises:
        LexiconError: the file can't be read, or has a wrong key or value.
    """
    try:
        content: Any = read_yaml(path)
        return kind.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise LexiconError(f"{path.name}: {key}: {message_of(fault)}") from error
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise LexiconError(f"{path.name} can't be read: {reason(error)}") from error


def any_of(words: Iterable[str]) -> str:
    """Return a regular expression that matches any of ``words``, the longest first. Without words, it never matches."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or "(?!)"
