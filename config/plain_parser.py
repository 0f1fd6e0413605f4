"""Command lines whose mistakes are told in plain words, the same for every program of the project."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from config.spelling import nearest

USAGE_ERROR = 2
_NUMBERS = {"int": "a whole number", "float": "a number"}
_NO_VALUE = re.compile(r"argument (.+): expected (?:one|at least one) argument")
_NO_NUMBER = re.compile(r"argument (.+): invalid (int|float) value: (.+)")
_NO_CHOICE = re.compile(r"argument (.+): invalid choice: (.+?) \(choose from (.+)\)")
_NOT_FOR_IT = re.compile(r"argument (.+): ignored explicit argument (.+)")
_MISSING = re.compile(r"the following arguments are required: (.+)")


class PlainParser(argparse.ArgumentParser):
    """Says in plain words what it does not understand. Words are read by :meth:`read`."""

    def __init__(self, **words: object) -> None:
        super().__init__(allow_abbrev=False, **words)  # type: ignore[arg-type]

    def read(self, words: Sequence[str], options: argparse.Namespace | None = None) -> argparse.Namespace:
        """What it understands of these words, added to ``options`` where they are given.

        Raises:
            SystemExit: help was asked for (status 0), or a word is not understood (status 2).
        """
        known, unknown = self.parse_known_args(words, options or argparse.Namespace())
        if unknown:
            self.error(self.not_understood(unknown[0]))
        return known

    def not_understood(self, word: str) -> str:
        """What is said of a word that is none of its own."""
        option = word.split("=")[0]
        own = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
        near = nearest(option.lstrip("-"), [name.lstrip("-") for name in own])
        if near is not None:
            return f"{option!r} is no option. Did you mean --{near}?"
        return self.unlike_any(word)

    def unlike_any(self, word: str) -> str:
        """The same of one that is not even like one of its own."""
        return f"{word!r} is not understood."

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to get help, without the list of all options."""
        refuse(self.prog, _in_plain_words(message))


def refuse(program: str, message: str) -> NoReturn:
    """Say on standard error what is wrong and how to get help; raises :class:`SystemExit`, with status 2."""
    print(f"{program}: {message}\n`{program} --help` shows what there is.", file=sys.stderr)  # noqa: T201
    raise SystemExit(USAGE_ERROR)


def _in_plain_words(message: str) -> str:
    """What argparse says, for people."""
    if found := _NO_VALUE.fullmatch(message):
        return f"{found[1]} needs a value."
    if found := _NO_NUMBER.fullmatch(message):
        return f"{found[1]}: {found[3]} is not {_NUMBERS[found[2]]}."
    if found := _NO_CHOICE.fullmatch(message):
        return f"{found[1]}: {found[2]} is not valid. There are: {found[3].replace(chr(39), '')}."
    if found := _NOT_FOR_IT.fullmatch(message):
        return f"{found[1]} takes no value."
    if found := _MISSING.fullmatch(message):
        return f"{found[1]} is missing."
    return message.removeprefix("argument ")
