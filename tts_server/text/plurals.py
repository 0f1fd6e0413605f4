"""Plural rules: the form that a noun takes after a number, by group of languages.

A rule's name lists the forms of a noun in their order, such as "one few many". The rule returns the index of a form.
"below two other" has two forms: one after numbers below two, and one after all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

_FRACTION_FORM = 3
"""Index of the form after a number with a fraction, in languages with four forms."""


def _invariable(whole: int, fraction: bool) -> int:
    return 0


def _one_other(whole: int, fraction: bool) -> int:
    return 0 if whole == 1 and not fraction else 1


def _below_two_other(whole: int, fraction: bool) -> int:
    return 0 if whole < 2 else 1


def _one_few_many(whole: int, fraction: bool) -> int:
    if fraction:
        return 1
    if whole % 10 == 1 and whole % 100 != 11:
        return 0
    return _few_or_many(whole)


def _one_few_many_fraction(whole: int, fraction: bool) -> int:
    if fraction:
        return _FRACTION_FORM
    return 0 if whole == 1 else _few_or_many(whole)


def _one_two_to_four_many_fraction(whole: int, fraction: bool) -> int:
    if fraction:
        return _FRACTION_FORM
    return 0 if whole == 1 else 1 if 2 <= whole <= 4 else 2


def _few_or_many(whole: int) -> int:
    """The index of the form "few" after numbers that end in 2, 3 or 4 but not in 12, 13 or 14; else that of "many"."""
    return 1 if 2 <= whole % 10 <= 4 and not 12 <= whole % 100 <= 14 else 2


PLURALS: Mapping[str, Callable[[int, bool], int]] = MappingProxyType(
    {
        "invariable": _invariable,
        "one other": _one_other,
        "below two other": _below_two_other,
        "one few many": _one_few_many,
        "one few many fraction": _one_few_many_fraction,
        "one two-to-four many fraction": _one_two_to_four_many_fraction,
    }
)
"""The rules by name. Each takes a number's whole part and whether the number has a fraction. It returns a form's index.

A noun with too few forms for the index takes its last form.
"""
