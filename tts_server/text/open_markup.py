"""Follows a reply's open markup, inside which no cut is allowed: code, links, addresses, formulas and *actions*."""

from __future__ import annotations

from enum import Enum, auto

from tts_server.text.punctuation import CLOSERS, SENTENCE_ENDS


class OpenMarkup(Enum):
    """The kind of markup that is open after the last character."""

    NONE = auto()
    ADDRESS = auto()
    """``https://…``, until a space."""
    CODE = auto()
    """Between backticks, within a line."""
    FENCE = auto()
    """Between lines of three backticks."""
    LINK_TEXT = auto()
    """``[text`` of a markdown link, or any bracket, within a line."""
    LINK_JOINT = auto()
    """Just after ``]``: a ``(`` makes it a link."""
    LINK_TARGET = auto()
    """``(address`` of a markdown link."""
    MARKUP = auto()
    """``<@123>`` and other Discord markup, until ``>`` or a space."""
    DOLLAR = auto()
    """Just after a dollar sign that may begin a formula, or a price."""
    PRICE = auto()
    """``$5``: it is a formula only if a mathematical sign follows before the next space."""
    FORMULA = auto()
    """``$x^2$``, within a line, or ``\\(x\\)``."""
    SHOWN_FORMULA = auto()
    """``$$x$$`` or ``\\[x\\]``, which may span lines."""
    ACTION_MARK = auto()
    """Just after an asterisk that may begin an action."""
    ACTION = auto()
    """``*waves`` at the beginning of a sentence, within a line."""


_MATHEMATICAL = frozenset("\\^_{=")
_WORDS_OF_A_SENTENCE = 2
_LETTERS_OF_A_WORD = 3
_UNBREAKABLE = frozenset({OpenMarkup.ADDRESS, OpenMarkup.FENCE, OpenMarkup.LINK_TARGET})
_WITHIN_A_LINE = frozenset(
    {OpenMarkup.CODE, OpenMarkup.LINK_TEXT, OpenMarkup.LINK_TARGET, OpenMarkup.ACTION, OpenMarkup.MARKUP}
)
_MARKUP_SIGILS = frozenset("@#:at/hd")


class _FormulaTracker:
    """Follows a formula. It recognizes a sentence between two prices, which is not a formula."""

    def __init__(self) -> None:
        self._closing = ""
        self._depth = 0
        self._letters = 0
        self._words = 0

    def open(self, char: str, before: str) -> OpenMarkup:
        """Return the markup that ``char`` opens, or ``NONE``; ``before`` are the two characters before it."""
        self._depth = self._letters = self._words = 0
        last, escaped = before[-1:], before == "\\\\"
        if char == "$" and last != "\\" and not last.isalnum():
            self._closing = "$"
            return OpenMarkup.DOLLAR
        if char in "([" and last == "\\" and not escaped:
            self._closing = {"(": ")", "[": "]"}[char]
            return OpenMarkup.FORMULA if char == "(" else OpenMarkup.SHOWN_FORMULA
        return OpenMarkup.NONE

    def step(self, char: str, last: str, inside: OpenMarkup) -> OpenMarkup:
        """Return the open markup after ``char``, which follows the character ``last`` within ``inside``."""
        if inside is OpenMarkup.DOLLAR:
            return self._after_dollar(char)
        if inside is OpenMarkup.PRICE:
            if char in _MATHEMATICAL:
                return OpenMarkup.FORMULA
            return OpenMarkup.NONE if char.isspace() or char == "$" else inside
        if self._closes(char, last, inside):
            return OpenMarkup.NONE
        return inside if self._closing != "$" or inside is OpenMarkup.SHOWN_FORMULA else self._still_formula(char, last)

    def _after_dollar(self, char: str) -> OpenMarkup:
        if char == "$":
            self._closing = "$$"
            return OpenMarkup.SHOWN_FORMULA
        if char.isspace():
            return OpenMarkup.NONE
        if char.isdigit():
            return OpenMarkup.PRICE
        self._letters = int(char.isalpha())
        return OpenMarkup.FORMULA

    def _closes(self, char: str, last: str, inside: OpenMarkup) -> bool:
        if inside is OpenMarkup.SHOWN_FORMULA and self._closing == "$$":
            return char == "$" and last == "$"
        if self._closing == "$":
            return char == "$" and last != "\\"
        return char == self._closing and last == "\\"

    def _still_formula(self, char: str, last: str) -> OpenMarkup:
        """Return ``FORMULA``, or ``NONE`` if this is a sentence: several words in a row, or a full stop and a space."""
        if char == "\n" or (char.isspace() and last in SENTENCE_ENDS | {"."}):
            return OpenMarkup.NONE
        self._depth += {"{": 1, "}": -1}.get(char, 0)
        if char.isalpha() and (self._letters or last.isspace()):
            self._letters += 1
        elif char.isspace():
            is_word = self._letters >= _LETTERS_OF_A_WORD
            self._words = self._words + 1 if is_word else 0 if self._letters == 0 else self._words
            self._letters = 0
        else:
            self._letters = self._words = 0
        return OpenMarkup.NONE if self._words >= _WORDS_OF_A_SENTENCE and self._depth <= 0 else OpenMarkup.FORMULA


class MarkupTracker:
    """Follows a text character by character and knows the markup that is open.

    It stores no text, and every character takes the same time.

    Attributes:
        open: the markup that the last character is in.
    """

    def __init__(self) -> None:
        self.open = OpenMarkup.NONE
        self._ticks = 0
        self._opening_ticks = 0
        self._sentence_may_begin = True
        self._last_stop = True
        self._tail = ""
        self._formula = _FormulaTracker()

    @property
    def inside(self) -> bool:
        """Whether a cut after the last character would split markup."""
        return self.open not in (OpenMarkup.NONE, OpenMarkup.PRICE) or self._ticks > 0

    @property
    def formula(self) -> bool:
        """Whether a formula is open. A formula is written with many more characters than are spoken."""
        return self.open in (OpenMarkup.FORMULA, OpenMarkup.SHOWN_FORMULA)

    @property
    def unbreakable(self) -> bool:
        """Whether the open markup must stay whole at any length: half an address or half a program is gibberish."""
        return self.open in _UNBREAKABLE

    def abandon(self) -> None:
        """Treat the open markup as plain text, because it has become too long."""
        self.open = OpenMarkup.NONE
        self._ticks = 0

    def feed(self, char: str) -> None:
        """Take the next character."""
        if char == "`":
            self._backtick()
        else:
            self._end_of_ticks()
            self._step(char)
        self._remember(char)

    def _backtick(self) -> None:
        self._ticks += 1
        if self.open in (OpenMarkup.CODE, OpenMarkup.FENCE):
            if self._ticks == self._opening_ticks:
                self.open, self._ticks = OpenMarkup.NONE, 0
        elif self._ticks == 3:
            self.open, self._opening_ticks, self._ticks = OpenMarkup.FENCE, 3, 0

    def _end_of_ticks(self) -> None:
        if self._ticks and self.open not in (OpenMarkup.CODE, OpenMarkup.FENCE):
            self.open, self._opening_ticks = OpenMarkup.CODE, self._ticks
        self._ticks = 0

    def _step(self, char: str) -> None:
        if char == "\n" and self.open in _WITHIN_A_LINE:
            self.open = OpenMarkup.NONE
            return
        match self.open:
            case OpenMarkup.NONE:
                self._open(char)
            case OpenMarkup.ADDRESS if char.isspace():
                self.open = OpenMarkup.NONE
            case OpenMarkup.LINK_TEXT if char == "]":
                self.open = OpenMarkup.LINK_JOINT
            case OpenMarkup.LINK_JOINT:
                self.open = OpenMarkup.LINK_TARGET if char == "(" else OpenMarkup.NONE
                if self.open is OpenMarkup.NONE:
                    self._open(char)
            case OpenMarkup.LINK_TARGET if char == ")":
                self.open = OpenMarkup.NONE
            case OpenMarkup.MARKUP if char == ">" or char.isspace():
                self.open = OpenMarkup.NONE
            case OpenMarkup.DOLLAR | OpenMarkup.PRICE | OpenMarkup.FORMULA | OpenMarkup.SHOWN_FORMULA:
                self.open = self._formula.step(char, self._tail[-1:], self.open)
            case OpenMarkup.ACTION_MARK:
                self.open = OpenMarkup.NONE if char == "*" or char.isspace() else OpenMarkup.ACTION
            case OpenMarkup.ACTION if char == "*":
                self.open = OpenMarkup.NONE
            case _:
                pass

    def _open(self, char: str) -> None:
        if char == "[":
            self.open = OpenMarkup.LINK_TEXT
        elif char == "*" and self._sentence_may_begin:
            self.open = OpenMarkup.ACTION_MARK
        elif (char == "/" and self._tail == ":/") or (char == "." and self._tail == "www"):
            self.open = OpenMarkup.ADDRESS
        elif (opened := self._formula.open(char, self._tail[-2:])) is not OpenMarkup.NONE:
            self.open = opened
        elif char in _MARKUP_SIGILS and self._tail.endswith("<"):
            self.open = OpenMarkup.MARKUP

    def _remember(self, char: str) -> None:
        size = 2 if char == "/" else 3
        self._tail = (self._tail + char)[-size:]
        if char == "\n":
            self._last_stop = self._sentence_may_begin = True
        elif char.isspace():
            self._sentence_may_begin = self._last_stop
        elif char in SENTENCE_ENDS or char in ".…":
            self._last_stop, self._sentence_may_begin = True, False
        elif char not in CLOSERS:
            self._last_stop = self._sentence_may_begin = False
