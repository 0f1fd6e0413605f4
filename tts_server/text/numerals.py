"""Numbers as words: ``1,000``, ``3.14``, ``$5.99``, ``50%``, ``12:30``, ``3rd``, in the text's language.

Where num2words has no language, digits are left for the engine to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from num2words import CONVERTER_CLASSES, num2words

from tts_server.text.phrases import phrases_for

LONGEST = 15
"""A number with more digits than this is read digit by digit, as people read a card's or a telephone's."""

# What num2words raises for a language that lacks something, or a number beyond its words.
_FAILURES = (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError, ArithmeticError)
_CURRENCIES = {"$": ("USD", "dollars"), "€": ("EUR", "euros"), "£": ("GBP", "pounds")}
# Written 1.234,5 where English writes 1,234.5.
_COMMA_TAGS = "da de es fi fr hu id is it nl no nb pl pt ro ru sk sl sr sv tr uk cs vi"
_DECIMAL_COMMA = frozenset(_COMMA_TAGS.split())
# Their engines read digits better than these words, which are Chinese characters or take no note of gender.
_LEFT_TO_THE_ENGINE = frozenset({"ja", "ar"})

_AMOUNT = r"[0-9]{1,3}(?:[,. \u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?"
_MONEY = re.compile(rf"(?<!\w)([$€£])\s?({_AMOUNT})(?:\s(thousand|million|billion|trillion))?(?![\w%])")
_MONEY_AFTER = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?([€£])(?!\w)")
_PERCENT = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?%")
_CLOCK = re.compile(r"(?<![\w:.])([01]?[0-9]|2[0-3]):([0-5][0-9])(?![\w:])")
_ORDINAL = re.compile(r"(?<!\w)([0-9]{1,6})(?:st|nd|rd|th)(?!\w)")
_VERSION = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+){2,}(?![\w])")
_NUMBER = re.compile(rf"(?<![\w.,])([-−](?=[0-9]))?({_AMOUNT})(?!\w)")


def spell_numbers(text: str, language: str) -> str:
    """Replace what is written in ASCII digits, and not part of a word such as ``mp3``, by words."""
    main = language.lower().partition("-")[0]
    if main not in CONVERTER_CLASSES or main in _LEFT_TO_THE_ENGINE or not any("0" <= char <= "9" for char in text):
        return text
    return _Speller(main).spell(text)


class _Speller:
    def __init__(self, language: str) -> None:
        self._language = language
        self._comma = language in _DECIMAL_COMMA
        self._phrases = phrases_for(language)

    def spell(self, text: str) -> str:
        steps: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
            (_MONEY, lambda match: self._money(match[0], match[1], match[2], match[3])),
            (_MONEY_AFTER, lambda match: self._money(match[0], match[2], match[1], None)),
            (_PERCENT, lambda match: f"{self._amount(match[1])} {self._phrases.percent}"),
            (_CLOCK, lambda match: self._clock(int(match[1]), int(match[2]))),
            (_VERSION, lambda match: f" {self._phrases.dot} ".join(map(self._integer, match[0].split(".")))),
            (_NUMBER, self._number),
        ]
        if self._language == "en":
            steps.insert(0, (_ORDINAL, lambda match: self._words(match[1], to="ordinal") or match[0]))
        for pattern, replace in steps:
            text = pattern.sub(replace, text)
        return text

    def _words(self, number: str | Decimal, **kind: str) -> str | None:
        try:
            return str(num2words(number, lang=self._language, **kind)).strip()
        except _FAILURES:
            return None

    def _integer(self, digits: str) -> str:
        is_code = len(digits) > LONGEST or (len(digits) > 1 and digits[0] == "0")
        if is_code:
            return " ".join(self._words(digit) or digit for digit in digits)
        return self._words(digits) or digits

    def _plain(self, amount: str) -> str:
        """``amount`` as Python writes it: without groups, with a decimal point."""
        groups, point = (". \u00a0\u202f", ",") if self._comma else (", \u00a0\u202f", ".")
        # A single separator with other than three digits behind it can only be the decimal one, in any language.
        if re.fullmatch(r"[0-9]+[.,](?:[0-9]{1,2}|[0-9]{4,})", amount):
            return amount.replace(",", ".")
        for group in groups:
            amount = amount.replace(group, "")
        return amount.replace(point, ".", 1)

    def _amount(self, amount: str) -> str:
        plain = self._plain(amount)
        if "." not in plain:
            return self._integer(plain)
        whole, _, fraction = plain.partition(".")
        if len(whole) + len(fraction) > LONGEST:
            return f"{self._integer(whole)} {self._phrases.dot} " + " ".join(self._integer(digit) for digit in fraction)
        return self._words(plain) or amount

    def _number(self, match: re.Match[str]) -> str:
        sign, amount = match[1] or "", match[2]
        if not sign and self._language == "en" and len(amount) == 4 and re.fullmatch(r"1[1-9]..|20[1-9].", amount):
            return self._words(amount, to="year") or amount
        words = self._amount(amount)
        is_minus = sign and (match.start() == 0 or not match.string[match.start() - 1].isalnum())
        return (self._words("-1") or "minus").split()[0] + " " + words if is_minus else words

    def _money(self, written: str, sign: str, amount: str, scale: str | None) -> str:
        code, name = _CURRENCIES[sign]
        if scale:
            return f"{self._amount(amount)} {scale} {name}"
        plain = self._plain(amount)
        if len(plain) > LONGEST:
            return written
        value = Decimal(plain).quantize(Decimal("0.01"))
        if value != int(value):
            return self._words(value, to="currency", currency=code) or written
        words = self._words(value, to="currency", currency=code, separator="|") or written
        return words.partition("|")[0]

    def _clock(self, hour: int, minute: int) -> str:
        spoken = self._words(str(hour)) or str(hour)
        if self._language != "en":
            return f"{spoken} {self._words(str(minute)) or minute}"
        if minute == 0:
            return f"{spoken} o'clock" if 0 < hour <= 12 else f"{spoken} hundred hours"
        return f"{spoken} {'oh ' if minute < 10 else ''}{self._words(str(minute))}"
