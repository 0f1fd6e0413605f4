"""Word lists, loaded once for all calls: commands, backchannels ("mhm"), and lines that the bot says by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bot.llm.spoken_lines import SpokenLines, load_spoken_lines
from bot.text import plain, plain_words
from bot.voice.utterances.memory_words import MemoryWords, load_memory_words
from bot.voice.utterances.voice_commands import CommandPhrases, load_command_phrases
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

BACKCHANNELS_FILE = Path(__file__).parents[3] / "config" / "language" / "backchannels.yaml"
MAX_WORDS = 4
"""An utterance with more words than this is never a backchannel."""
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


class BackchannelsError(BrokenFileError):
    """The file of backchannels can't be used; the message names the file and the fault."""


class Backchannels:
    """Recognises backchannels: short words of a listener, such as "mhm". All languages are recognised at once.

    Raises:
        BackchannelsError: the file at ``path`` can't be read, or is malformed.
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
        """Whether an utterance consists of one or a few backchannels and nothing else."""
        words = plain_words(text)
        return 0 < len(words) <= MAX_WORDS and self._only_backchannels(words)

    def _only_backchannels(self, words: list[str]) -> bool:
        if not words:
            return True
        return any(
            self._is_known(" ".join(words[:n])) and self._only_backchannels(words[n:]) for n in range(1, len(words) + 1)
        )

    def _is_known(self, text: str) -> bool:
        """Whether a text is one backchannel. It may be drawn out ("mmmm") or repeated without a space ("うんうん")."""
        text = _shortened(text)
        return any(text and text == known * (len(text) // len(known)) for known in self._known)


def _shortened(text: str) -> str:
    """The text with each letter at most twice in a row."""
    return _DRAWN_OUT.sub(r"\1\1", text)


@dataclass(frozen=True, slots=True)
class WordLists:
    """The word lists that all calls share: commands, backchannels, lines of the bot, and words about its memory."""

    commands: CommandPhrases
    backchannels: Backchannels
    lines: SpokenLines
    memory: MemoryWords


def load_word_lists() -> WordLists:
    """Read the word lists in ``config/language``. Blocks for about 100 ms.

    Raises:
        BackchannelsError, VoiceCommandsError, MoodWordsError, SpokenLinesError, MemoryWordsError: a file can't be used;
            the message names the file.
    """
    commands = load_command_phrases()
    return WordLists(commands, Backchannels(), load_spoken_lines(), load_memory_words(commands.polite))
