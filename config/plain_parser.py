"""Command-line parser whose error messages are in plain words, for every program of the project."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from typing_extensions import override

from config.spelling import nearest

USAGE_ERROR = 2
_NUMBERS = {"int": "a whole number", "float": "a number"}
_NO_VALUE = re.compile(r"argument (.+): expected (?:one|at least one) argument")
_NO_NUMBER = re.compile(r"argument (.+): invalid (int|float) value: (.+)")
_NO_CHOICE = re.compile(r"argument (.+): invalid choice: (.+?) \(choose from (.+)\)")
_UNWANTED_VALUE = re.compile(r"argument (.+): ignored explicit argument (.+)")
_MISSING = re.compile(r"the following arguments are required: (.+)")


class PlainParser(argparse.ArgumentParser):
    """An argument parser with plain error messages. Use :meth:`read` to parse."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def read(self, arguments: Sequence[str], options: argparse.Namespace | None = None) -> argparse.Namespace:
        """Parse the words of a command line into ``options``.

        Raises:
            SystemExit: help was requested (status 0), or a word is not valid (status 2).
        """
        known, unknown = self.parse_known_args(arguments, options or argparse.Namespace())
        if unknown:
            self.error(self.misspelt_word_message(unknown[0]))
        return known

    def misspelt_word_message(self, word: str) -> str:
        """Error message for an unknown word. It suggests an option if the word resembles one."""
        option = word.split("=")[0]
        own = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
        near = nearest(option.lstrip("-"), [name.lstrip("-") for name in own])
        if near is not None:
            return f"{option!r} is no option. Did you mean --{near}?"
        return self.unknown_word_message(word)

    def unknown_word_message(self, word: str) -> str:
        """Error message for an unknown word that does not resemble any option."""
        return f"{word!r} is not understood."

    @override
    def error(self, message: str) -> NoReturn:
        refuse(self.prog, _in_plain_words(message))


def refuse(program: str, message: str) -> NoReturn:
    """Print an error and how to get help on standard error. Raises :class:`SystemExit` with status 2."""
    print(f"{program}: {message}\n`{program} --help` shows what there is.", file=sys.stderr)  # noqa: T201
    raise SystemExit(USAGE_ERROR)


def _in_plain_words(message: str) -> str:
    """Rewrite one of argparse's messages for people."""
    if found := _NO_VALUE.fullmatch(message):
        return f"{found[1]} needs a value."
    if found := _NO_NUMBER.fullmatch(message):
        return f"{found[1]}: {found[3]} is not {_NUMBERS[found[2]]}."
    if found := _NO_CHOICE.fullmatch(message):
        choices = found[3].replace("'", "")
        if found[1].split("|") == choices.split(", "):
            near = nearest(found[2].strip("'"), choices.split(", "))
            meant = f"Did you mean {near}?" if near else f"There are: {choices}."
            return f"there is no command {found[2]}. {meant}"
        return f"{found[1]}: {found[2]} is not valid. There are: {choices}."
    if found := _UNWANTED_VALUE.fullmatch(message):
        return f"{found[1]} takes no value."
    if (found := _MISSING.fullmatch(message)) and "|" in found[1]:
        return f"a command is missing. There are: {found[1].replace('|', ', ')}."
    if found := _MISSING.fullmatch(message):
        return f"{found[1]} is missing."
    return message.removeprefix("argument ")
