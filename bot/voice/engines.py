"""What is loaded or chosen before a call, and handed to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.characters import LocalCharacter
from bot.llm.history import History
from bot.llm.prompts import CallRoom
from bot.voice.dialogue.conversation import Manner
from bot.voice.ports import Responder, SpeechClient
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.turns.turns import TurnPolicy
from bot.voice.utterances.word_lists import WordLists

LoadingReport = Callable[[float], None]
"""Told how far something is loaded, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CallEngines:
    """What a call thinks, speaks and understands with.

    Attributes:
        character: the bot's persona and mood in the place where the call is held.
        make_responder: builds the responder, which is told what was said in the call, where it is and who is in it.
        make_speech_client: builds the connection to the speech server.
        manner: called before each reply; returns how it is to be spoken (voice, speed and so on).
        transcriber: turns speech into words.
        turn_policy: the rules by which turns are detected, and how likely it is at a pause that one is over.
        word_lists: the phrases that are spoken commands, and those with which listeners only show that they listen.
    """

    character: LocalCharacter
    make_responder: Callable[[History, Callable[[], CallRoom]], Responder]
    make_speech_client: Callable[[], SpeechClient]
    manner: Manner
    transcriber: Transcriber
    turn_policy: TurnPolicy
    word_lists: WordLists
