"""Asks the person at the terminal questions, and shows texts."""

from __future__ import annotations

import getpass
import sys
from typing import Protocol


class Person(Protocol):
    """The person whom the setup asks. Ctrl-C and Ctrl-D raise :class:`KeyboardInterrupt` and :class:`EOFError`."""

    def say(self, text: str = "") -> None:
        """Show a text."""
        ...

    def ask(self, prompt: str) -> str:
        """Show a prompt and return the line that is typed."""
        ...

    def ask_secret(self, prompt: str) -> str:
        """Show a prompt and return the line that is typed. The typed line is not shown."""
        ...


class PersonAtTerminal:
    """The person at the terminal of this process."""

    def say(self, text: str = "") -> None:
        """Show a text."""
        print(text, flush=True)  # noqa: T201

    def ask(self, prompt: str) -> str:
        """Show a prompt and return the line that is typed, without blanks around it."""
        return input(prompt).strip()

    def ask_secret(self, prompt: str) -> str:
        """Show a prompt and return the line that is typed, without blanks around it. The typed line is not shown."""
        return getpass.getpass(prompt).strip()


def someone_is_there() -> bool:
    """Whether a person can be asked and told: standard input and output are a terminal."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False
