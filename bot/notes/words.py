"""Words about notes in many languages, from ``config/language/notes.yaml``: orders to the model, and questions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.text import phrase_pattern, plain
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

NOTES_FILE = Path(__file__).parents[2] / "config" / "language" / "notes.yaml"
NEAR = 6
"""Number of words, and of characters in scripts without spaces, that may stand between the two words of an order."""


class NoteWordsError(BrokenFileError):
    """The file of words can't be used. The message names the file and the mistake."""


class _WordsFile(BaseModel):
    """The words of each kind, by language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disregard: dict[str, list[str]]
    task: dict[str, list[str]]
    decided: dict[str, list[str]]
    notes: dict[str, list[str]]


class NoteWords:
    """Recognises orders to the model that writes notes, and questions that notes answer. All languages at once.

    Raises:
        NoteWordsError: the file at ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = NOTES_FILE) -> None:
        try:
            file = _WordsFile.model_validate(read_yaml(path))
        except UNREADABLE as error:
            raise NoteWordsError(f"{path} can't be used: {reason(error)}") from error
        gaps = rf"(?:\S+ ){{0,{NEAR}}}?", rf".{{0,{NEAR}}}?"
        first, second = (_either(each.values()) for each in (file.disregard, file.task))
        orders = (
            rf"(?:{one})\s?(?:{gap})(?:{other})" for gap in gaps for one, other in ((first, second), (second, first))
        )
        self._orders = re.compile("|".join(orders))
        self._decided = re.compile(_either(file.decided.values()))
        self._notes = re.compile(_either(file.notes.values()))

    def is_order(self, text: str) -> bool:
        """Whether a line tells somebody to ignore a task. It could be meant for the model that writes the notes."""
        return self._orders.search(f" {plain(text)} ") is not None

    def asks_for_decisions(self, text: str) -> bool:
        """Whether a question is about what was decided."""
        return self._decided.search(f" {plain(text)} ") is not None

    def asks_for_notes(self, text: str) -> bool:
        """Whether a question is about what was said in a call as a whole."""
        return self._notes.search(f" {plain(text)} ") is not None


def _either(languages: Iterable[list[str]]) -> str:
    words = sorted({plain(word) for each in languages for word in each} - {""}, key=len, reverse=True)
    return "|".join(map(phrase_pattern, words))
