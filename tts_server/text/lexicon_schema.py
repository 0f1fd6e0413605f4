"""Data model of the languages' files in ``data/``: the words and rules of one language, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tts_server.text.plurals import PLURALS


def _known_plural(name: str) -> str:
    if name not in PLURALS:
        raise ValueError(f"is none of: {', '.join(PLURALS)}")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Word = Annotated[str, Field(min_length=1)]
Gender = Literal["m", "f", "n"]
Forms = Annotated[list[Word], Field(min_length=1, max_length=4)]
"""The forms of a noun after 1, after several, and so on.

The rules in :data:`tts_server.text.plurals.PLURALS` give a form's index for a number.
"""
Endings = dict[str, str]
"""Replacements for a word's ending, from old to new. The first that fits is used; the empty ending fits every word."""
Grammar = dict[str, str]
"""Arguments of num2words for a language that declines its numbers, such as ``case: g``."""


class Phrases(_Part):
    """Words that the server puts in place of links, code, pictures, mentions and signs.

    ``link`` contains ``{}`` for the host's name. ``number`` replaces "#" before a number.
    """

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
    """A currency's name and the name of its hundredth part, each with its plural forms and its gender."""

    name: Forms
    part: Forms | None = None
    gender: Gender = "m"
    part_gender: Gender = "m"


class Years(_Part):
    """How to tell that a four-digit number is a year, and how to read it.

    Attributes:
        hundreds: whether 1995 is read as "nineteen ninety-five".
        alone: whether a number that no word follows is a year.
        after: a number that follows one of these words is a year.
        before: a number that precedes one of these words is a year; the value is the grammar of the year.
        decades: suffixes of decades, such as the "s" of "1990s", and the endings that they give to the year.
    """

    hundreds: bool = False
    alone: bool = False
    after: list[Word] = []
    before: dict[Word, Grammar] = {}
    decades: dict[Word, Endings] = {}


class Suffix(_Part):
    """The grammar and the endings that a written suffix, such as ``-го`` in ``3-го``, gives to an ordinal number."""

    grammar: Grammar = {}
    endings: Endings = {}


class Inflection(_Part):
    """The endings of an ordinal number after the words in ``after``; if there are none, in all remaining cases."""

    after: list[Word] = []
    endings: Endings


class Ordinals(_Part):
    """How ordinal numbers are written.

    Attributes:
        suffixes: the suffixes that may follow the digits, such as "rd" in "3rd".
        inflections: the inflections of ordinal numbers, for languages that write "3." for "third".
        dot_before_lower: whether "3." before a lower-case word is always an ordinal number.
    """

    suffixes: dict[Word, Suffix] = {}
    inflections: list[Inflection] = []
    dot_before_lower: bool = False


class Clock(_Part):
    """How times of day are said.

    Attributes:
        time: a template with ``{hour}`` and ``{minute}``.
        full: a template for full hours.
        full_after_noon: a template for full hours at 0 and from 13 on.
        small: a word before minutes below ten, such as "oh" in "five oh five".
        signs: separators between hours and minutes.
        after: words that may follow a written time; the templates contain them already.
        gender: the gender of the hour.
        hours: the words for hours 0 to 23, if they are not plain numbers.
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
    """How dates are said.

    Attributes:
        months: the 12 names, in the form that dates use.
        short_months: the 12 names in their short form.
        day_month: a template with ``{day}`` and ``{month}``, for languages without ``month_day``.
        month_day: a template for languages that say the month first.
        with_year: a template with ``{date}`` and ``{year}``.
        day: the kind of number that a day is.
        first: the word for the first day, if it differs.
        days: the words for days 1 to 31, if ``day`` does not give them.
        year: the grammar of a year that is an ordinal number.
        year_words: words that may follow a written year; ``with_year`` contains them already.
        month_first: whether 1/2/2026 is January 2, and not February 1.
        day_first_regions: region subtags that are exceptions to ``month_first``.
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
    """Number words of a language that num2words lacks; ``scales`` are 100, 1000 and so on, the highest first."""

    below_hundred: Annotated[list[Word], Field(min_length=100, max_length=100)]
    scales: dict[int, Word]


class Numbers(_Part):
    """How numbers are written and read. A number for which the words are missing stays as it is written.

    Attributes:
        words: number words that replace those of num2words.
        every_figure: whether all remaining digits are spelled, because engines fail on digits in this language.
        decimal: the decimal sign.
        point: the word for the decimal sign.
        fraction: how the digits after the decimal sign are read: one by one, as one number, or as num2words does it.
        minus: the word for a minus sign.
        range: the word between two numbers, such as "to".
        percent: the forms of "percent".
        plural: a name in :data:`tts_server.text.plurals.PLURALS`.
        agreement: by gender, replacements for the last word of a number before a noun.
        units: by gender, the forms of each unit of measurement.
        currencies: the currencies by their signs. A key may have several signs, separated by spaces.
        money: a template with ``{whole}`` and ``{part}``, such as euros and cents.
        scales: words between a number and its currency, such as "million", with their forms.
        elisions: corrections of a scale and a currency side by side, from wrong to right.
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
    """Words whose diacritics people leave out.

    Attributes:
        letters: the letters with diacritics, and what people write in their place.
        words: words and phrases, correctly spelled.
        keep: words and phrases that stay as written, although they look like one of ``words``.
    """

    letters: dict[Word, Word]
    words: list[Word]
    keep: list[Word] = []


class Introduction(_Part):
    """Introductory words: a pause follows them at the beginning of a sentence.

    Attributes:
        words: the introductory words.
        before: if given, there is a pause only before these words.
        not_before: there is no pause before these words.
    """

    words: list[Word]
    before: list[Word] = []
    not_before: list[Word] = []


class Formulas(_Part):
    """Words for mathematics. Templates contain ``{}`` for each part, the upper or inner part first.

    Attributes:
        signs: the words for signs, by LaTeX command or by character.
        large: the words for signs with bounds (sums, integrals, limits), by LaTeX command.
        functions, accents: the words for functions and accents, by LaTeX command.
        powers: special words for powers, by exponent, such as "squared"; ``power`` is for all others.
        base: a template for the base of a logarithm.
        denominators: names of fractions by their denominator, after 1 and after several.
        mixed: the word between a whole number and a fraction.
        of: a template for a function that an argument follows.
        bounds, below, unbounded: templates for a large sign with both bounds, with the lower bound, and with none.
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
    """All rules of one language.

    Abbreviations in lower case match capital letters too. Abbreviations with a capital letter match only as they are.
    The full stop of ``closing_abbreviations``, such as "etc.", often ends the sentence too.
    """

    phrases: Phrases
    abbreviations: dict[Word, Word] = {}
    closing_abbreviations: dict[Word, Word] = {}
    abbreviations_before_numbers: dict[Word, Word] = {}
    numbers: Numbers | None = None
    diacritics: Diacritics | None = None
    introductions: list[Introduction] = []
    formulas: Formulas | None = None


class SharedLexicon(_Part):
    """Rules for all languages, including those without a file of their own.

    Attributes:
        decimal_comma: languages with a comma as the decimal sign.
        dot_ordinals: languages that write "3." for "third".
        figures_left: languages whose numbers stay in digits, because num2words fails on them.
        no_sentence_end: by language, abbreviations whose full stop does not end a sentence.
    """

    decimal_comma: list[Word]
    dot_ordinals: list[Word]
    figures_left: list[Word]
    no_sentence_end: dict[Word, list[Word]]
