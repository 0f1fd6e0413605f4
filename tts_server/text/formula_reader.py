"""Puts a LaTeX formula into words: ``\\frac{1}{2} x^2`` is "one half x squared". It accepts any text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace

from tts_server.text.formula_symbols import (
    GREEK,
    ONLY_IN_FORMULAS,
    SAME,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYMBOLS,
    VULGAR_FRACTIONS,
)
from tts_server.text.lexicon_schema import Formulas

DEEPEST = 20
"""Deepest nesting of groups and arguments. From a deeper one on, the rest of the formula is left out."""
_NUMBERS = {
    ".": r"[0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+)?",
    ",": r"[0-9]+(?:\.[0-9]{3}(?![0-9]))*(?:,[0-9]+)?",
}
"""Patterns of a number, by the language's decimal sign: in English "0,1" is two numbers."""
_ALTERNATIVES = str.maketrans(
    {raised: f"^{{{plain}}}" for raised, plain in SUPERSCRIPTS.items()}
    | {lowered: f"_{{{plain}}}" for lowered, plain in SUBSCRIPTS.items()}
    | {vulgar: rf"\frac{{{top}}}{{{bottom}}}" for vulgar, (top, bottom) in VULGAR_FRACTIONS.items()}
    | {sign: rf"\{name} " if len(name) > 1 else name for sign, name in (SYMBOLS | ONLY_IN_FORMULAS).items()}
)
_SLASHED = re.compile(r"(?<![\w.,])([0-9]{1,2})/([0-9]{1,3})(?![\w.,])")
_TEXT = frozenset(["text", "textbf", "textit", "textrm", "texttt", "textsf", "mbox"])
_FONTS = frozenset(
    [
        "mathrm",
        "mathbf",
        "mathit",
        "mathbb",
        "mathcal",
        "mathfrak",
        "mathsf",
        "boldsymbol",
        "bm",
        "operatorname",
        "displaystyle",
    ]
)
_SPACES = frozenset([",", ";", ":", "!", ">"])
_SIZES = re.compile(r"left|right|middle|[bB]igg?[lrm]?")
_STRUCTURE = frozenset({"frac", "sqrt", "binom", "begin", "end", "left", "right"})
_FUNCTION_LETTERS = frozenset("fghFGP")
_CLOSING = {"(": ")", "[": "]"}
_DEGREE = "°"


@dataclass(frozen=True, slots=True)
class _Token:
    """One token of a formula.

    Attributes:
        kind: ``command``, ``number``, ``word`` or ``char``.
        text: the token's characters, without a command's backslash.
        start, end: its position in the formula.
    """

    kind: str
    text: str
    start: int = field(compare=False)
    end: int = field(compare=False)


class FormulaReader:
    """Puts formulas into the words of one language.

    Args:
        words: the language's words for mathematics.
        decimal: the language's decimal sign, "." or ",".
    """

    def __init__(self, words: Formulas, decimal: str = ".") -> None:
        self._words = words
        self._token = re.compile(
            rf"\\([a-zA-Z]+)\*?|\\(.)|({_NUMBERS[decimal]})|([^\W\d_]{{4,}}(?![\w\\]))|(\S)", re.DOTALL
        )

    def knows(self, command: str) -> bool:
        """Tell whether a command, given without its backslash, can be read."""
        name = SAME.get(command, command)
        words = self._words
        known = name in words.signs or name in words.large or name in words.functions or name in words.accents
        return known or name in _STRUCTURE | _TEXT | _FONTS or _greek(name) is not None

    def read(self, formula: str) -> str:
        """Return the formula in words; numbers stay in digits."""
        text = _SLASHED.sub(r"\\frac{\1}{\2}", formula.replace("{,}", ",").translate(_ALTERNATIVES))
        return _Reading(text, [_token(match) for match in self._token.finditer(text)], self._words).whole()

    def sign(self, symbol: str) -> str:
        """Return the words for a sign of :data:`~tts_server.text.formula_symbols.SYMBOLS`."""
        return self.read(symbol)

    def power(self, exponent: str) -> str:
        """Return the words for an exponent, such as "squared"."""
        return _power(exponent, self._words)

    def mixed(self, whole: str | None, top: str, bottom: str) -> str:
        """Return the words for a fraction, after a whole number if there is one."""
        fraction = _fraction(top, bottom, self._words)
        return f"{whole} {self._words.mixed} {fraction}" if whole else fraction


class _Reading:
    """A recursive-descent parser over one formula's tokens; each method returns words."""

    def __init__(self, text: str, tokens: list[_Token], words: Formulas) -> None:
        self._words = words
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        """Return the whole formula in words."""
        parts = []
        while self._at < len(self._tokens):
            parts.append(self._until(None))
            self._at += 1
        return _joined(parts)

    # Sequences

    def _until(self, closing: str | None) -> str:
        """Read up to the closing character, or to the end of the enclosing group; consume neither."""
        said: list[str] = []
        self._depth += 1
        if self._depth > DEEPEST:
            self._at = len(self._tokens)
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "char" and token.text in ("}", closing):
                break
            said.append(self._next(said[-1] if said else ""))
        self._depth -= 1
        return _joined(said)

    def _next(self, before: str) -> str:
        """Read the next element with its exponents and indices; ``before`` are the words before it."""
        token = self._take()
        match token:
            case _Token("command", name):
                return self._command(SAME.get(name, name), before)
            case _Token("char", "^" | "_"):
                # There is no base, or it has already been read.
                return self._script(token.text)
            case _Token("char", "{"):
                return self._scripted(self._group())
            case _Token("char", "(" | "[" as opening):
                return self._scripted(self._bracketed(opening, before))
            case _Token("char", "|"):
                return self._scripted(self._absolute())
            case _Token("number" | "word", text):
                return self._scripted(text)
            case _Token(_, char) if (letter := _greek_letter(char)) or char.isalpha():
                return self._scripted(letter or char)
            case _Token(_, "&" | "~" | "$" | "#" | "}" | ")" | "]" | "\\"):
                return ""
            case _Token(_, "'"):
                return self._words.signs.get("prime", "")
            case _Token(_, char):
                return self._words.signs.get(char, char if char in ",.;:!?%°" else "")

    def _command(self, name: str, before: str) -> str:
        words = self._words
        if name in words.large:
            return self._large(words.large[name])
        if name == "frac":
            top, bottom = self._argument(digits=1), self._argument(digits=1)
            mixed = before.isdecimal() and top.isdecimal() and bottom.isdecimal()
            fraction = _fraction(top, bottom, words)
            return self._scripted(f"{words.mixed} {fraction}" if mixed else fraction)
        if name == "binom":
            return self._scripted(words.binomial.format(self._argument(), self._argument()))
        if name == "sqrt":
            return self._scripted(self._root())
        if name in _TEXT:
            return self._raw()
        if name in words.accents:
            return self._scripted(words.accents[name].format(self._argument()))
        if name in words.functions:
            return self._function(words.functions[name])
        if name in ("begin", "end"):
            return self._environment()
        if name == "\\":
            return ","
        if name in _FONTS or name in _SPACES or _SIZES.fullmatch(name):
            return ""
        return self._scripted(words.signs.get(name) or _greek(name) or "")

    # Parts

    def _scripted(self, base: str) -> str:
        """Read the exponents, indices and primes after ``base``, and return them together with ``base``."""
        while self._peek("^") or self._peek("_") or self._peek("'"):
            mark = self._take().text
            said = self._words.signs.get("prime", "") if mark == "'" else self._script(mark)
            base = base + said if said == _DEGREE else _joined([base, said])
        return base

    def _script(self, mark: str) -> str:
        script = self._argument()
        if not script:
            return ""
        return _power(script, self._words) if mark == "^" else self._words.index.format(script)

    def _large(self, name: str) -> str:
        """Read a sum, an integral or a limit with its bounds."""
        low = high = ""
        while True:
            if self._peek_command("limits") or self._peek_command("nolimits"):
                self._take()
            elif self._peek("_"):
                self._take()
                low = self._argument()
            elif self._peek("^"):
                self._take()
                high = self._argument()
            else:
                break
        words = self._words
        if name == words.large.get("lim"):
            return words.limit.format(name=name, low=low) if low else name
        if low and high:
            return words.bounds.format(name=name, low=low, high=high)
        return words.below.format(name=name, low=low) if low else words.unbounded.format(name=name)

    def _function(self, name: str) -> str:
        if self._peek("_") and self._words.base:
            self._take()
            name = _joined([name, self._words.base.format(self._argument())])
        name = self._scripted(name)
        if self._at >= len(self._tokens):
            return name
        return self._words.of.format(name) if self._begins_argument() else name

    def _begins_argument(self) -> bool:
        token = self._tokens[self._at]
        if token.kind == "command":
            named = SAME.get(token.text, token.text)
            return named == "left" or named in ("frac", "sqrt") or _greek(named) is not None
        return token.kind != "char" or token.text.isalpha() or token.text in "({["

    def _root(self) -> str:
        degree = ""
        if self._peek("["):
            self._take()
            degree = self._until("]")
            self._at += 1
        inside = self._argument()
        if not degree or degree == "2":
            return self._words.root.format(inside)
        return (self._words.cube_root if degree == "3" else self._words.higher_root).format(inside, degree)

    def _bracketed(self, opening: str, before: str) -> str:
        inside = self._until(_CLOSING[opening])
        self._at += 1
        letter, *primes = before.split() or [""]
        if letter in _FUNCTION_LETTERS and set(primes) <= {self._words.signs.get("prime")}:
            return f"{self._words.of.format('')} {inside}".strip()
        # Commas make the group a list, a point or an interval, which is understood without the word "paren".
        compound = " " in inside and "," not in inside and not before.endswith(self._words.of.format("").strip())
        return self._words.brackets.format(inside) if compound else inside

    def _absolute(self) -> str:
        inside = self._until("|")
        if not self._peek("|"):
            # A single bar is a condition, as in P(A|B).
            return _joined([self._words.signs.get("mid", ""), inside])
        self._take()
        return self._words.absolute.format(inside)

    def _argument(self, digits: int | None = None) -> str:
        """Read a group in braces, or one element; at most ``digits`` digits of a number without braces."""
        self._depth += 1
        if self._depth > DEEPEST:
            self._at = len(self._tokens)
        said = self._one_argument(digits) if self._at < len(self._tokens) else ""
        self._depth -= 1
        return said

    def _one_argument(self, digits: int | None) -> str:
        token = self._take()
        match token:
            case _Token("char", "{"):
                return self._group()
            case _Token("command", name):
                return self._command(SAME.get(name, name), "")
            case _Token("char", "}"):
                self._at -= 1
                return ""
            case _Token("number", text) if digits and len(text) > digits:
                self._at -= 1
                self._tokens[self._at] = replace(token, text=text[digits:])
                return text[:digits]
            case _Token("char", "-" | "+"):
                return _joined([self._words.signs.get(token.text, ""), self._argument()])
            case _Token(_, text):
                return _greek_letter(text) or self._words.signs.get(text, text if text.isalnum() else "")

    def _group(self) -> str:
        inside = self._until(None)
        self._at += 1
        return inside

    def _raw(self) -> str:
        """Return the text in the braces of ``\\text{…}``, without reading it as a formula."""
        if not self._peek("{"):
            return ""
        start = end = self._take().end
        depth = 1
        while self._at < len(self._tokens) and depth:
            token = self._take()
            end = token.start
            depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "char" else 0
        return re.sub(r"\\[a-zA-Z]*|[{}$]", " ", self._text[start : end if not depth else None])

    def _environment(self) -> str:
        name = self._raw() if self._peek("{") else ""
        if name.replace(" ", "") in ("array", "tabular") and self._peek("{"):
            self._raw()
        return ""

    # Tokens

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self, char: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == _Token("char", char, 0, 0)

    def _peek_command(self, name: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == _Token("command", name, 0, 0)


def _token(match: re.Match[str]) -> _Token:
    command, escaped, number, word, char = match.groups()
    if command or escaped:
        return _Token("command", command or escaped, *match.span())
    if number:
        return _Token("number", number, *match.span())
    return _Token("word", word, *match.span()) if word else _Token("char", char, *match.span())


def _joined(parts: list[str]) -> str:
    text = " ".join(" ".join(parts).split())
    return re.sub(r" +(?=[,.;:!?%°])", "", text)


def _power(exponent: str, words: Formulas) -> str:
    if exponent in words.powers:
        return words.powers[exponent]
    if exponent in (words.signs.get("circ"), "°", "circ"):
        return _DEGREE
    if exponent in (words.signs.get("prime"), words.signs.get("times")):
        return exponent
    return words.power.format(exponent.replace("-", f"{words.signs.get('-', '')} "))


def _fraction(top: str, bottom: str, words: Formulas) -> str:
    if top.isdecimal() and bottom.isdecimal() and bottom in words.denominators and len(top) <= 2:
        names = words.denominators[bottom]
        return f"{words.one} {names[0]}" if top == "1" else f"{top} {names[-1]}"
    compound = _is_compound(top, words) or _is_compound(bottom, words)
    return (words.long_fraction if compound else words.fraction).format(top, bottom)


def _is_compound(text: str, words: Formulas) -> bool:
    """Tell whether ``text`` contains a sign such as plus, so that the words must say where the fraction ends."""
    return any(f" {words.signs[sign]} " in f" {text} " for sign in ("+", "-", "=", "pm", "mp") if sign in words.signs)


def _greek(command: str) -> str | None:
    name = command.removeprefix("var")
    return name if name.lower() in GREEK else None


def _greek_letter(char: str) -> str | None:
    if len(char) != 1 or not "\u0370" <= char <= "\u03ff":
        return None
    name = unicodedata.name(char, "").rpartition(" ")[2].lower()
    return {"lamda": "lambda"}.get(name, name if name in GREEK else None)
