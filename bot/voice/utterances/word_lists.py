"""The word lists by which utterances are classified, loaded once for all calls."""

from __future__ import annotations

from dataclasses import dataclass

from bot.voice.utterances.backchannel import Backchannels
from bot.voice.utterances.voice_commands import CommandPhrases, load_command_phrases


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
