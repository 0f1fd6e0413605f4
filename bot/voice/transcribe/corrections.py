"""The operator's corrections of transcripts: replacements of misrecognised names and homophones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml


class CorrectionsError(BrokenFileError):
    """The file of corrections can't be used. The text names the file and the fault."""


class Corrections:
    """Replaces whole words in transcripts. Case is ignored, and longer entries are tried first.

    Args:
        pairs: recognised words as keys, and the words that were meant as values.
    """

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs: dict[str, tuple[str, str]] = {}
        """The recognised words and the words that were meant, by the recognised words in lower case."""
        self._meant: tuple[str, ...] = ()
        """The words that were meant, in the order of the pattern's groups."""
        self._pattern: re.Pattern[str] | None = None
        self.add(pairs or {})

    def replace_by(self, other: Corrections) -> None:
        """Use the corrections of another object instead of the present ones, from the next transcript on."""
        self._pairs, self._meant, self._pattern = dict(other._pairs), other._meant, other._pattern

    def add(self, pairs: Mapping[str, str]) -> None:
        """Add corrections. They apply from the next transcript on."""
        # The pattern does not take "Weiß" for "weiss", so both may be there; casefold() would make them one.
        self._pairs |= {heard.lower(): (heard, meant) for heard, meant in pairs.items()}
        longest_first = sorted(self._pairs.values(), key=lambda pair: len(pair[0]), reverse=True)
        words = "|".join(f"({re.escape(heard)})" for heard, _ in longest_first)
        self._meant = tuple(meant for _, meant in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a YAML file with lines like ``recognised words: meant words``; raises :class:`CorrectionsError`."""
        try:
            pairs = read_yaml(path) or {}
        except UNREADABLE as error:
            raise CorrectionsError(f"STT_CORRECTIONS: {path} can't be read: {reason(error)}") from error
        if not isinstance(pairs, dict):
            raise CorrectionsError(f'STT_CORRECTIONS: {path} must hold lines like "say you: Seiyuu"')
        for heard, meant in pairs.items():
            if isinstance(heard, str) and not heard.strip():
                raise CorrectionsError(f"STT_CORRECTIONS: {path}: the recognised words before {meant!r} are empty")
            if not isinstance(heard, str) or not isinstance(meant, str):
                raise CorrectionsError(f"STT_CORRECTIONS: {path}: {heard!r}: {meant!r} must both be text (use quotes)")
        return cls(pairs)

    def apply(self, text: str) -> str:
        """Return ``text`` with all corrections."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._meant[(found.lastindex or 1) - 1], text)
