"""What is loaded or chosen before a call, and handed to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.characters import LocalCharacter
from bot.llm.circumstances import CallRoom
from bot.llm.history import History
from bot.voice.dialogue.conversation import Manner
from bot.voice.ports import Companion, Speech
from bot.voice.remarks.word_lists import WordLists
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.turns.policy import TurnPolicy

LoadingReport = Callable[[float], None]
"""Told how far something is loaded, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CallEngines:
    """What a call thinks, speaks and understands with.

    Attributes:
        character: the bot's persona and mood in the place where the call is held.
        make_companion: builds the companion, which is told what was said in the call, where it is and who is in it.
        make_voice: builds the connection to the speech server.
        manner: says how the next reply is to be spoken.
        turn_policy: by what the turn detectors and turn taking decide when somebody speaks and has finished.
        word_lists: the phrases that make a remark a spoken command or a listener's sign.
    """

    character: LocalCharacter
    make_companion: Callable[[History, Callable[[], CallRoom]], Companion]
    make_voice: Callable[[], Speech]
    manner: Manner
    transcriber: Transcriber
    turn_policy: TurnPolicy
    word_lists: WordLists
