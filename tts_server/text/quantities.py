"""Spells quantities: ``1,000``, ``3.14``, ``-5 °C``, ``5–10 km/h``, ``50%``, ``$5.99``, ``12 €``, ``1995–2005``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_server.text.lexicon import any_of
from tts_server.text.lexicon_schema import Currency, Forms, Gender, Numbers
from tts_server.text.number_words import NumberWords
from tts_server.text.plurals import PLURALS

_PERCENT = "%"
_NARROW_SPACES = "\u00a0\u202f"
_SPACE = f"[ {_NARROW_SPACES}]"
_WORD_BEHIND = re.compile(r"([^\W\d_]+)['’.,]?[ \u00a0]\Z")
_WORD_AHEAD = re.compile(r"[ \u00a0]([^\W\d_]+\.?)")
_CONTEXT_CHARACTERS = 24
# Plural rules only look at the last digits.
_PLURAL_DIGITS = 24
_YEAR = re.compile(r"1[1-9][0-9][0-9]|20[0-9][0-9]")
_MILLION = 1_000_000
_CENT_DIGITS = 2


@dataclass(frozen=True, slots=True)
class _Amount:
    """A number as its digits before and after the decimal sign, without thousands separators."""

    whole: str
    fraction: str

    def below(self, other: _Amount) -> bool:
        return float(f"{self.whole}.{self.fraction}") < float(f"{other.whole}.{other.fraction}")


class QuantityRule:
    """Spells plain numbers, measurements, percentages, prices, years and ranges of these in one language."""

    def __init__(self, numbers: Numbers, words: NumberWords) -> None:
        self._numbers = numbers
        self._words = words
        self._form = PLURALS[numbers.plural]
        self._currencies = {sign: currency for key, currency in numbers.currencies.items() for sign in key.split()}
        self._units: dict[str, tuple[Gender, Forms]] = {
            unit: (gender, forms) for gender, units in numbers.units.items() for unit, forms in units.items()
        }
        if numbers.percent:
            self._units[_PERCENT] = ("m", numbers.percent)
        self._groups = f". {_NARROW_SPACES}" if numbers.decimal == "," else f",{_NARROW_SPACES}"
        amount = rf"[0-9]{{1,3}}(?:[{self._groups}][0-9]{{3}})+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?"
        currency, scale = any_of(self._currencies), any_of(numbers.scales)
        # A single letter that directly follows a number, as in "5m", has no certain meaning.
        close = any_of(unit for unit in (*self._units, *self._currencies) if len(unit) > 1 or not unit.isalpha())
        apart = any_of((*self._units, *self._currencies))
        number = (
            rf"(?<![\w.,/])(?<![0-9][-–])(?P<sign>[-−](?=[0-9]))?(?P<low>{amount})"
            rf"(?:(?P<dash>-|{_SPACE}?[–—]{_SPACE}?)(?P<high>{amount}))?"
        )
        self._before = re.compile(
            rf"(?<![\w.,])(?P<sign>[-−])?(?P<unit>{currency})\s?(?P<low>{amount})"
            rf"(?:(?P<dash>-|{_SPACE}?[–—]{_SPACE}?)(?:(?P=unit)\s?)?(?P<high>{amount}))?"
            rf"(?:{_SPACE}?(?P<scale>{scale}))?(?![\w%]|[.,–-][0-9])"
        )
        self._behind = re.compile(
            rf"{number}(?:{_SPACE}?(?P<scale>{scale}){_SPACE}?(?P<scaled>{currency})|(?P<close>{close})|{_SPACE}(?P<apart>{apart}))"
            rf"(?![\w/]|[.,–-][0-9])"
        )
        self._bare = re.compile(rf"{number}(?!\w|[.,/–-][0-9])")

    def spell(self, text: str) -> str:
        """Replace every quantity by words, unless its meaning is uncertain."""
        text = self._before.sub(self._with_unit_before, text)
        text = self._behind.sub(self._with_unit_behind, text)
        return self._bare.sub(self._without_unit, text)

    def _with_unit_before(self, match: re.Match[str]) -> str:
        low, high = self._amount(match["low"]), match["high"] and self._amount(match["high"])
        spoken = self._price(high or low, self._currencies[match["unit"]], match["scale"])
        if high:
            spoken = spoken and self._joined(match, self._number(low), spoken, low.below(high))
        return match[0] if spoken is None else self._signed(match, spoken)

    def _with_unit_behind(self, match: re.Match[str]) -> str:
        unit, scale = match["scaled"] or match["close"] or match["apart"], match["scale"]
        low, high = self._amount(match["low"]), match["high"] and self._amount(match["high"])
        spoken = self._of_unit(high or low, unit, scale)
        if high:
            spoken = spoken and self._joined(match, self._number(low), spoken, low.below(high))
        return match[0] if spoken is None else self._signed(match, spoken)

    def _without_unit(self, match: re.Match[str]) -> str:
        low = self._amount(match["low"])
        if match["high"] is None:
            spoken = self._year(match) or self._number(low)
            return match[0] if spoken is None else self._signed(match, spoken)
        high = self._amount(match["high"])
        years = _YEAR.fullmatch(match["low"]) is not None
        if years and (_YEAR.fullmatch(match["high"]) or len(match["high"]) == _CENT_DIGITS):
            first, last = self._words.year(int(match["low"])), self._words.year(int(match["high"]))
            return self._joined(match, first, last, True) or match[0]
        followed = _WORD_AHEAD.match(match.string, match.end()) is not None
        rising = low.below(high) and (match["dash"] != "-" or followed)
        spoken = self._joined(match, self._number(low), self._number(high), rising)
        return match[0] if spoken is None else self._signed(match, spoken)

    def _joined(self, match: re.Match[str], low: str | None, high: str | None, is_range: bool) -> str | None:
        if low is None or high is None:
            return None
        if is_range and self._numbers.range:
            return f"{low} {self._numbers.range} {high}"
        return low + match["dash"] + high

    def _amount(self, written: str) -> _Amount:
        # One separator that is not followed by exactly three digits is the decimal sign in every language.
        if re.fullmatch(r"[0-9]+[.,](?:[0-9]{1,2}|[0-9]{4,})", written):
            whole, _, fraction = written.replace(",", ".").partition(".")
            return _Amount(whole, fraction)
        for group in self._groups:
            written = written.replace(group, "")
        whole, _, fraction = written.replace(",", ".").partition(".")
        return _Amount(whole, fraction)

    def _number(self, amount: _Amount, gender: Gender | None = None) -> str | None:
        return self._words.decimal(amount.whole, amount.fraction, gender)

    def _of_unit(self, amount: _Amount, unit: str, scale: str | None) -> str | None:
        if unit in self._currencies:
            return self._price(amount, self._currencies[unit], scale)
        gender, forms = self._units[unit]
        number = self._number(amount, gender)
        return number and f"{number} {self._noun(forms, amount)}"

    def _price(self, amount: _Amount, currency: Currency, scale: str | None) -> str | None:
        if scale:
            many = self._noun(currency.name, _Amount(str(_MILLION), ""))
            number = self._number(amount)
            million = self._noun(self._numbers.scales[scale], amount)
            return number and self._elided(f"{number} {million} {many}")
        if not amount.fraction.strip("0"):
            whole = _Amount(amount.whole, "")
            return f"{self._number(whole, currency.gender)} {self._noun(currency.name, whole)}"
        if currency.part is None or len(amount.fraction) > _CENT_DIGITS:
            number = self._number(amount)
            return number and f"{number} {self._noun(currency.name, amount)}"
        cents = _Amount(str(int(amount.fraction.ljust(_CENT_DIGITS, "0"))), "")
        part = f"{self._number(cents, currency.part_gender)} {self._noun(currency.part, cents)}"
        if not amount.whole.strip("0"):
            return part
        whole = _Amount(amount.whole, "")
        name = f"{self._number(whole, currency.gender)} {self._noun(currency.name, whole)}"
        return self._numbers.money.format(whole=name, part=part)

    def _noun(self, forms: Forms, amount: _Amount) -> str:
        place = self._form(int(amount.whole[-_PLURAL_DIGITS:]), bool(amount.fraction))
        return forms[min(place, len(forms) - 1)]

    def _elided(self, price: str) -> str:
        for apart, together in self._numbers.elisions.items():
            price = price.replace(apart, together)
        return price

    def _signed(self, match: re.Match[str], spoken: str) -> str:
        return f"{self._numbers.minus or match['sign']} {spoken}" if match["sign"] else spoken

    def _year(self, match: re.Match[str]) -> str | None:
        """Return the number read as a year, or ``None`` unless it is certainly a year."""
        years, digits = self._numbers.years, match["low"]
        if match["sign"] or not _YEAR.fullmatch(digits):
            return None
        ahead = _WORD_AHEAD.match(match.string, match.end())
        grammar = years.before.get(ahead[1].lower()) if ahead else None
        if grammar:
            return self._words.ordinal(int(digits), grammar)
        behind = _WORD_BEHIND.search(match.string[max(0, match.start() - _CONTEXT_CHARACTERS) : match.start()])
        is_year = grammar is not None or (ahead is None and years.alone)
        if is_year or (behind is not None and behind[1].lower() in years.after):
            return self._words.year(int(digits))
        return None
