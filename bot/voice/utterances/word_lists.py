"""Word lists for classifying utterances, loaded once for all calls: commands, and backchannels ("mhm")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bot.text import plain, plain_words
from bot.voice.utterances.voice_commands import CommandPhrases, load_command_phrases
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

BACKCHANNELS_FILE = Path(__file__).parents[3] / "config" / "language" / "backchannels.yaml"
MAX_WORDS = 4
"""Words beyond which it is no sign any more, whatever the words."""


_DRAWN_OUT = re.compile(r"(.)\1{2,}")


class BackchannelsError(BrokenFileError):
    """The file of signs can't be used; the text names it and the fault."""


class Backchannels:
    """The signs that are known, of all languages together.

    Raises:
        BackchannelsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = BACKCHANNELS_FILE) -> None:
        try:
            languages = TypeAdapter(dict[str, list[str]]).validate_python(read_yaml(path))
        except UNREADABLE as error:
            raise BackchannelsError(f"{path} can't be used: {reason(error)}") from error
        self._known = frozenset(
            shortened
            for phrases in languages.values()
            for phrase in phrases
            if (shortened := _shortened(plain(phrase)))
        )

    def is_backchannel(self, text: str) -> bool:
        """Whether an utterance is nothing but such signs, one or a few."""
        words = plain_words(text)
        return 0 < len(words) <= MAX_WORDS and self._only_backchannels(words)

    def _only_backchannels(self, words: list[str]) -> bool:
        if not words:
            return True
        return any(
            self._is_known(" ".join(words[:n])) and self._only_backchannels(words[n:]) for n in range(1, len(words) + 1)
        )

    def _is_known(self, text: str) -> bool:
        """Whether this is a sign, drawn out ("mmmm") or said again in one breath ("うんうん") perhaps."""
        text = _shortened(text)
        return any(text and text == known * (len(text) // len(known)) for known in self._known)


def _shortened(text: str) -> str:
    """No letter more than twice in a row."""
    return _DRAWN_OUT.sub(r"\1\1", text)


@dataclass(frozen=True, slots=True)
class WordLists:
    """What people say that is not meant to be answered. It keeps nothing of a call, so one serves all calls."""

    commands: CommandPhrases
    backchannels: Backchannels


def load_word_lists() -> WordLists:
    """Read the lists in ``config/language``. Blocks, about 100 ms.

    Raises:
        BackchannelsError, VoiceCommandsError, MoodWordsError: a file can't be used; the text names it.
    """
    return WordLists(load_command_phrases(), Backchannels())
