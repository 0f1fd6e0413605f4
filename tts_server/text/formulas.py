"""Finds formulas in a text and puts them into words: ``$x^2$``, ``\\[x\\]``, a bare ``\\frac{1}{2}``, ``√2``, ``½``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from languages.tags import primary_language
from tts_server.text.formula_reader import FormulaReader
from tts_server.text.formula_symbols import SUBSCRIPTS, SUPERSCRIPTS, SYMBOLS, VULGAR_FRACTIONS
from tts_server.text.lexicon import LexiconError, any_of, covered_languages, lexicon_for

LONGEST = 2_000
"""Largest number of characters in a formula. Longer text between two dollar signs is not a formula."""
_CACHED_LANGUAGES = 64

_GROUP = r"\{(?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]*\})*\})*\}"
_SCRIPT = rf"[_^](?:{_GROUP}|\\[a-zA-Z]+|-?[0-9]+|[a-zA-Z])"
_MARKED = re.compile(
    # Code is matched first, so that nothing in it counts as a formula.
    rf"(?P<code>```.*?(?:```|\Z)|(?P<ticks>`+)[^`]+(?P=ticks))"
    rf"|(?<!\\)\$\$(?P<shown>[^$]{{1,{LONGEST}}})\$\$"
    rf"|\\\[(?P<square>(?:(?!\\[\[\]]).){{1,{LONGEST}}})\\\]"
    rf"|\\\((?P<round>(?:(?!\\[()]).){{1,{LONGEST}}})\\\)"
    rf"|(?<![\\\w$])\$(?P<inline>(?![\s$])[^$\n]{{0,{LONGEST}}}[^$\s\\])\$(?![0-9$])"
    # A formula without an end: its rest is in the next segment.
    rf"|(?<![\\\w$])(?:\$\$?|\\[(\[])(?P<open>[^$\n]{{0,{LONGEST}}}\\[a-zA-Z][^$\n]{{0,{LONGEST}}})\Z"
    rf"|\\begin\{{(?P<name>(?:align|equation|gather|multline|eqnarray)\*?)\}}(?P<environment>.{{1,{LONGEST}}}?)"
    r"\\end\{(?P=name)\}"
    rf"|(?<![a-zA-Z_:\\])\\(?P<bare>[a-zA-Z]+(?:(?:\[[^\]\n]*\])?(?:{_GROUP})+)?(?:{_SCRIPT})*)"
    rf"|(?P<power>(?:(?<![\w\\^])(?:[0-9]+(?:[.,][0-9]+)?|[a-zA-Z])|\))\^(?:{_GROUP}|\([^()\n]{{1,100}}\)|-?(?:[0-9]+|[a-zA-Z]))(?!\w))",
    re.DOTALL,
)
_MATHEMATICAL = re.compile(r"[\\^_{}=+<>|/*()\u00b0\u00b1-\u00b3\u0370-\u03ff\u00d7\u00f7\u2190-\u22ff-]")
_PLAIN_WORD = re.compile(r"(?:\A|(?<=[\s(]))[^\W\d_]{3,}(?=[\s.,;:!?)]|\Z)")
_IN_TEXT = re.compile(r"\\(?:text|mbox|mathrm|operatorname|textbf|textit|textrm)\s*\{[^{}]*\}")
_PRICE_IN_MARKS = re.compile(r"(?<![\\$\w])\$(\\\$ ?[0-9][0-9.,]*)\$(?![0-9$])")
_INDEX_IN_MARKS = re.compile(r"(?<=[A-Za-z)])\$_\{?([0-9]{1,2})\}?\$")
_CHEMICAL = re.compile(r"(?<![\w\\$])(?:[A-Z][a-z]?(?:_\{?[0-9]{1,2}\}?)?){1,12}(?![\w^_])")
_DEGREES_IN_MARKS = re.compile(r"(?<=[0-9])\$\^\{?\\circ\}?\$ ?(?=[CF]\b)")
_POWER_IN_MARKS = re.compile(r"(?<![\w\\$.,])([0-9]+(?:[.,][0-9]+)?|[A-Za-z]+)\$(\^[^$\n]{1,60})\$")
_LONE_DELIMITER = re.compile(r"\\[()\[\]]")
_JOINING = ("-", "'", "’")
_KINDS = ("shown", "square", "round", "inline", "open", "environment")
_ROOT = re.compile(r"√\s?(?:([0-9]+(?:[.,][0-9]+)?|[^\W\d_](?!\w))|\(([^()]{1,200})\))")
_RAISED = re.compile(rf"(?<=[^\W_]|\))([{''.join(SUPERSCRIPTS)}]+)(?![{''.join(SUPERSCRIPTS)}])")
_SQUARE_UNIT = re.compile(r"[mM]\Z")
_VULGAR = re.compile(rf"(?:(?<![0-9])([0-9]{{1,15}})[ \u00a0]?)?([{''.join(VULGAR_FRACTIONS)}])")
_LOWERED = str.maketrans(SUBSCRIPTS)
_SIGN = re.compile(rf" ?({any_of(SYMBOLS)}) ?")
_MAYBE = re.compile(
    rf"[A-Z]_|[\\$^√{''.join(SUPERSCRIPTS)}{''.join(SUBSCRIPTS)}{''.join(VULGAR_FRACTIONS)}]|{any_of(SYMBOLS)}"
)


def read_formulas(text: str, language: str) -> str:
    """Replace the formulas in ``text`` by words. Prices and code stay as they are.

    Call it before the markup is removed.

    Raises:
        LexiconError: the language's file is broken.
    """
    return _formulas(primary_language(language)).read(text) if _MAYBE.search(text) else text


def drop_formula_marks(text: str) -> str:
    """Remove the backslashes and carets of formulas that could not be read."""
    return text.replace("\\", " ").replace("^", " ")


class _Formulas:
    """Reads the formulas in texts of one language.

    Args:
        reader: puts one formula into words.
        plain: whether to read mathematical signs outside formulas too.
    """

    def __init__(self, reader: FormulaReader, *, plain: bool) -> None:
        self._reader = reader
        self._reads_plain = plain

    def read(self, text: str) -> str:
        text = _MARKED.sub(self._marked, _outside_code(text, _widened))
        text = _LONE_DELIMITER.sub(" ", text)
        return _outside_code(text, self._plain) if self._reads_plain else text

    def _marked(self, match: re.Match[str]) -> str:
        if match["code"] or (match["power"] and not self._reads_plain):
            return match[0]
        if match["inline"] is not None and not _is_formula(match["inline"]):
            return match[0]
        if match["bare"] is not None:
            name = re.match("[a-zA-Z]+", match["bare"])
            # An unknown command without braces is a path or an escaped word, and stays.
            is_command = "{" in match["bare"] or (name and self._reader.knows(name[0]))
            return self._said(match, f"\\{match['bare']}") if is_command else match["bare"]
        if match["power"]:
            base, _, exponent = match["power"].partition("^")
            kept = ")" if base == ")" else ""
            script = f"{{{exponent[1:-1]}}}" if exponent.startswith("(") else f"{{{exponent}}}"
            return kept + self._said(match, f"{base.removeprefix(')')}^{script}")
        return self._said(match, next(filter(None, match.group(*_KINDS)), ""))

    def _said(self, match: re.Match[str], formula: str) -> str:
        # "$x$-axis" stays one word, so no space follows the formula.
        joined = match.string[match.end() : match.end() + 1] in _JOINING
        return self._spaced(formula).rstrip() if joined else self._spaced(formula)

    def _spaced(self, formula: str) -> str:
        return f" {self._reader.read(formula)} "

    def _plain(self, text: str) -> str:
        """Read mathematical signs outside dollar signs and brackets."""
        text = _ROOT.sub(lambda match: self._spaced(rf"\sqrt{{{match[1] or match[2]}}}"), text)
        text = _RAISED.sub(self._raised, text)
        text = _VULGAR.sub(self._fraction, text)
        text = _SIGN.sub(lambda match: f" {self._reader.sign(match[1])} ", text)
        return text.translate(_LOWERED)

    def _raised(self, match: re.Match[str]) -> str:
        # Square metres are a unit, which the rules for quantities spell.
        if _SQUARE_UNIT.search(match.string[: match.start()][-1:]) and match[1] in ("²", "³"):
            return match[0]
        return f" {self._reader.power(''.join(SUPERSCRIPTS[char] for char in match[1]))}"

    def _fraction(self, match: re.Match[str]) -> str:
        top, bottom = VULGAR_FRACTIONS[match[2]]
        return f" {self._reader.mixed(match[1], top, bottom)} "


def _widened(text: str) -> str:
    """Extend the dollar signs to the whole formula: ``10$^{-3}$`` is ``$10^{-3}$``. Remove them from ``CO$_2$``."""
    text = _PRICE_IN_MARKS.sub(lambda match: match[1].replace("\\", ""), text)
    text = _INDEX_IN_MARKS.sub(r"\1", text)
    text = _DEGREES_IN_MARKS.sub(" °", text)
    text = _POWER_IN_MARKS.sub(r"$\1\2$", text)
    return _CHEMICAL.sub(lambda match: re.sub("[_{}]", "", match[0]), text)


def _is_formula(inside: str) -> bool:
    """Tell whether the text between two dollar signs is a formula, and not a sentence between two prices."""
    bare = _IN_TEXT.sub(" ", inside)
    if "\\" not in bare and _PLAIN_WORD.search(bare):
        return False
    compact = bare.strip()
    return bool(_MATHEMATICAL.search(compact)) or bool(re.fullmatch(r"[0-9.,]*\s?[^\W\d_]{0,2}['!]*", compact))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    if "`" not in text:
        return change(text)
    pieces = re.split(r"(```.*?(?:```|\Z)|`+[^`]+`+)", text, flags=re.DOTALL)
    return "".join(piece if place % 2 else change(piece) for place, piece in enumerate(pieces))


@lru_cache(_CACHED_LANGUAGES)
def _formulas(main: str) -> _Formulas:
    native = lexicon_for(main).formulas if main in covered_languages() else None
    words = native or lexicon_for("en").formulas
    if words is None:
        raise LexiconError("en.yaml: formulas: they are missing")
    numbers = lexicon_for(main).numbers
    return _Formulas(FormulaReader(words, numbers.decimal if numbers else "."), plain=native is not None)
