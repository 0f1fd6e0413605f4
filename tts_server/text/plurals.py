"""Plural rules: the form that a noun takes after a number, by group of languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

_FRACTION = 3


def _invariable(whole: int, fraction: bool) -> int:
    return 0


def _one_other(whole: int, fraction: bool) -> int:
    return 0 if whole == 1 and not fraction else 1


def _below_two(whole: int, fraction: bool) -> int:
    return 0 if whole < 2 else 1


def _one_few_many(whole: int, fraction: bool) -> int:
    if fraction:
        return 1
    if whole % 10 == 1 and whole % 100 != 11:
        return 0
    return _few_or_many(whole)


def _one_few_many_part(whole: int, fraction: bool) -> int:
    if fraction:
        return _FRACTION
    return 0 if whole == 1 else _few_or_many(whole)


def _one_two_to_four_many_part(whole: int, fraction: bool) -> int:
    if fraction:
        return _FRACTION
    return 0 if whole == 1 else 1 if 2 <= whole <= 4 else 2


def _few_or_many(whole: int) -> int:
    return 1 if 2 <= whole % 10 <= 4 and not 12 <= whole % 100 <= 14 else 2


PLURALS: Mapping[str, Callable[[int, bool], int]] = MappingProxyType(
    {
        "invariable": _invariable,
        "one other": _one_other,
        "below two other": _below_two,
        "one few many": _one_few_many,
        "one few many part": _one_few_many_part,
        "one two-to-four many part": _one_two_to_four_many_part,
    }
)
"""The rules by name. Each takes a number's whole part, and whether it has a fraction, and returns a form's index.

If a noun has too few forms for the index, use its last form.
"""
