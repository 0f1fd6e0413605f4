"""What is known of each language: words to say in the place of signs, figures, abbreviations. Read from ``data/``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from num2words import CONVERTER_CLASSES
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from config.errors import message_of
from config.reasons import reason
from languages.tags import main_part
from tts_server.text.plurals import PLURALS

DATA = Path(__file__).parent / "data"
_SHARED = "common"
_REMEMBERED = 64
Data = TypeVar("Data", bound=BaseModel)


class LexiconError(ValueError):
    """A language's file can't be used; the text names the file, the key and the fault."""


def _known_plural(name: str) -> str:
    if name not in PLURALS:
        raise ValueError(f"is none of: {', '.join(PLURALS)}")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Word = Annotated[str, Field(min_length=1)]
Gender = Literal["m", "f", "n"]
Forms = Annotated[list[Word], Field(min_length=1, max_length=4)]
"""A noun beside one, several, … ; see :data:`tts_server.text.plurals.PLURALS`."""
Endings = dict[str, str]
"""The first ending that a word has is replaced; the empty one is had by every word."""
Grammar = dict[str, str]
"""What num2words takes for a language that declines its numbers, such as ``case: g``."""


class Phrases(_Part):
    """What the server itself says. ``link`` has a place for the host's name; ``number`` stands for "#" before one."""

    link: Word
    dot: Word
    code: Word
    image: Word
    someone: Word
    channel: Word
    role: Word
    moment: Word
    times: Word
    ampersand: Word
    plus: Word | None = None
    equals: Word | None = None
    number: Word | None = None
    version: Word | None = None


class Currency(_Part):
    """``part`` is a hundredth of it."""

    name: Forms
    part: Forms | None = None
    gender: Gender = "m"
    part_gender: Gender = "m"


class Years(_Part):
    """A four-digit number is a year ``after`` some words and ``before`` others, which may set its ``grammar``.

    ``hundreds``: 1995 is read nineteen ninety-five. ``alone``: so is one that no word follows.
    """

    hundreds: bool = False
    alone: bool = False
    after: list[Word] = []
    before: dict[Word, Grammar] = {}
    decades: dict[Word, Endings] = {}


class Suffix(_Part):
    """What a written ending, such as ``-го`` in ``3-го``, makes of the ordinal."""

    grammar: Grammar = {}
    endings: Endings = {}


class Inflection(_Part):
    """The ending that an ordinal takes ``after`` some words; where none are named, after all others."""

    after: list[Word] = []
    endings: Endings


class Ordinals(_Part):
    """``suffixes`` are written after the digits; ``inflections`` are for languages that write "3." for "third".

    ``dot_before_lower``: "3." before a small letter can be nothing else.
    """

    suffixes: dict[Word, Suffix] = {}
    inflections: list[Inflection] = []
    dot_before_lower: bool = False


class Clock(_Part):
    """``full`` is for the full hour, ``full_after_noon`` for the full hour from 13 on and at 0.

    ``signs`` part hours and minutes; ``after`` may follow the time and is part of the templates already; ``small``
    stands before minutes below ten.
    """

    time: Word
    full: Word | None = None
    full_after_noon: Word | None = None
    small: Word | None = None
    signs: list[Word] = [":"]
    after: list[Word] = []
    gender: Gender = "m"
    hours: Annotated[list[Word], Field(min_length=24, max_length=24)] | None = None


Months = Annotated[list[Word], Field(min_length=12, max_length=12)]


class Dates(_Part):
    """How a date is said: as ``month_day`` where there is one, else as ``day_month``.

    ``days`` are the 31 words for its day, ``day`` how they are made where they are missing. ``year`` is the grammar of
    a year that is an ordinal; ``year_words`` may follow it and are part of ``with_year`` already.
    """

    months: Months
    short_months: Months | None = None
    day_month: Word = "{day} {month}"
    month_day: Word | None = None
    with_year: Word = "{date} {year}"
    day: Literal["cardinal", "ordinal"] = "cardinal"
    first: Word | None = None
    days: Annotated[list[Word], Field(min_length=31, max_length=31)] | None = None
    year: Grammar | None = None
    year_words: list[Word] = []
    month_first: bool = False
    day_first_regions: list[Word] = []


class OwnWords(_Part):
    """The number words of a language that num2words lacks; ``scales`` from the highest down, such as 100 and 1000."""

    below_hundred: Annotated[list[Word], Field(min_length=100, max_length=100)]
    scales: dict[int, Word]


class Numbers(_Part):
    """How figures are written and read. What is missing here is left as it is written.

    ``words`` replace num2words; ``every_figure`` is for languages in which engines fail on one that is left.
    ``fraction``: after the decimal sign come single digits, one number, or num2words's own words for the whole.
    ``units`` and ``agreement`` (the last word of a number beside a noun) are by the noun's gender. ``scales`` are what
    may stand between a number and its currency, and how that is said; ``elisions`` mend the two.
    """

    words: OwnWords | None = None
    every_figure: bool = False
    decimal: Literal[".", ","] = "."
    point: Word | None = None
    fraction: Literal["digits", "number", "named"] = "named"
    minus: Word | None = None
    range: Word | None = None
    percent: Forms | None = None
    plural: Annotated[str, AfterValidator(_known_plural)] = "one other"
    agreement: dict[Gender, dict[Word, Word]] = {}
    units: dict[Gender, dict[Word, Forms]] = {}
    currencies: dict[Word, Currency] = {}
    money: Word = "{whole} {part}"
    scales: dict[Word, Forms] = {}
    elisions: dict[Word, Word] = {}
    years: Years = Years()
    ordinals: Ordinals = Ordinals()
    clock: Clock | None = None
    dates: Dates | None = None


class Diacritics(_Part):
    """Words and phrases whose marks people leave out; ``letters`` from marked to plain. ``keep`` are no such words."""

    letters: dict[Word, Word]
    words: list[Word]
    keep: list[Word] = []


class Introduction(_Part):
    """Words that open a sentence and are followed by a pause: only ``before`` some words, or not before some."""

    words: list[Word]
    before: list[Word] = []
    not_before: list[Word] = []


class Formulas(_Part):
    """How mathematics is said. ``{}`` is where the part belongs; of two, the first is the upper or the inner one.

    ``signs`` are by LaTeX command or by character, ``large`` are those with bounds (sums, integrals, limits).
    ``powers`` are by exponent, ``denominators`` by number: beside one, and beside several. ``of`` joins a function and
    what it is of, ``mixed`` a whole number and a fraction; ``base`` is that of a logarithm.
    """

    signs: dict[Word, str]
    large: dict[Word, Word]
    functions: dict[Word, Word] = {}
    accents: dict[Word, Word] = {}
    powers: dict[Word, Word]
    power: Word
    index: Word
    base: Word | None = None
    one: Word
    denominators: dict[Word, Forms]
    fraction: Word
    long_fraction: Word
    mixed: Word
    root: Word
    cube_root: Word
    higher_root: Word
    binomial: Word
    absolute: Word
    brackets: Word
    of: Word
    bounds: Word
    below: Word
    unbounded: Word
    limit: Word


class Lexicon(_Part):
    """One language. The ``closing`` abbreviations often end a sentence with their full stop.

    Abbreviations match in any case, but those with a capital only as they are.
    """

    phrases: Phrases
    abbreviations: dict[Word, Word] = {}
    closing_abbreviations: dict[Word, Word] = {}
    abbreviations_before_numbers: dict[Word, Word] = {}
    numbers: Numbers | None = None
    marks: Diacritics | None = None
    introductions: list[Introduction] = []
    formulas: Formulas | None = None


class SharedLexicon(_Part):
    """What is known of languages that have no file of their own.

    ``figures_left``: those whose figures the engine reads better.
    """

    decimal_comma: list[Word]
    dot_ordinals: list[Word]
    figures_left: list[Word]
    no_sentence_end: dict[Word, list[Word]]


def lexicon_for(language: str) -> Lexicon:
    """That of the tag's main part; where there is none, English phrases and num2words's bare numbers.

    Raises:
        LexiconError: its file is broken.
    """
    main = main_part(language)
    return _lexicon(main) if main in covered_languages() else _fallback_lexicon(main)


@cache
def covered_languages() -> frozenset[str]:
    """Those with a file of their own."""
    return frozenset(path.stem for path in DATA.glob("*.yaml")) - {_SHARED}


@cache
def shared_lexicon() -> SharedLexicon:
    """What all languages share."""
    return read_lexicon(DATA / f"{_SHARED}.yaml", SharedLexicon)


@cache
def dotted_abbreviations() -> frozenset[str]:
    """Every language's whose full stop ends no sentence, in lower case and without it."""
    return frozenset(short for shorts in shared_lexicon().no_sentence_end.values() for short in shorts)


@cache
def _lexicon(main: str) -> Lexicon:
    return read_lexicon(DATA / f"{main}.yaml", Lexicon)


@lru_cache(_REMEMBERED)
def _fallback_lexicon(main: str) -> Lexicon:
    comma = main in shared_lexicon().decimal_comma
    has_words = main in CONVERTER_CLASSES and main not in shared_lexicon().figures_left
    numbers = Numbers(decimal="," if comma else ".") if has_words else None
    return Lexicon(phrases=_lexicon("en").phrases, numbers=numbers)


def read_lexicon(path: Path, kind: type[Data]) -> Data:
    """A file of this folder, checked.

    Raises:
        LexiconError: it can't be read, or says something that is not understood.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return kind.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise LexiconError(f"{path.name}: {key}: {message_of(fault)}") from error
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise LexiconError(f"{path.name} can't be read: {reason(error)}") from error


def any_of(words: Iterable[str]) -> str:
    """A pattern of any of ``words``, the longest first; of none, one that never matches."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or "(?!)"
