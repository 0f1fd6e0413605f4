"""What an utterance is to the bot: nothing, an echo, a listener's sign, a command, meant for others, or for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from bot.llm.personas import Character, Persona
from bot.voice.utterances.addressing import Addressing, Exchange
from bot.voice.utterances.echoed_words import echoes
from bot.voice.utterances.names import Names
from bot.voice.utterances.utterance import Classification, Utterance, UtteranceKind
from bot.voice.utterances.voice_commands import VoiceCommandFinder
from bot.voice.utterances.word_lists import WordLists
from config.sections import AnswerPolicy


class BotSpeechState(Protocol):
    """What the classifier needs to know of the bot's own talking."""

    @property
    def answering(self) -> bool:
        """True while a reply is made or spoken."""
        ...

    @property
    def quiet_since(self) -> float | None:
        """When the last reply ended, monotonic; ``None`` before the first and during one."""
        ...

    @property
    def spoken_lately(self) -> str:
        """What it said a short while ago."""
        ...


class Company(Protocol):
    """What the classifier needs to know of the people there."""

    def others(self, person: int) -> tuple[str, ...]:
        """The names of the people there but this one."""
        ...


class CharacterInCall(Protocol):
    """What the classifier needs to know of who the bot is; :class:`~bot.characters.LocalCharacter` is one."""

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All that it may become, by file name."""
        ...

    def now(self) -> Character:
        """Who it is, now."""
        ...


class CallClassifier:
    """A :class:`~bot.voice.ports.UtteranceClassifier` for one call.

    Args:
        character: who the bot is, and so what it is called.
        words: what a listener's signs and commands are.
    """

    def __init__(
        self,
        speaker: BotSpeechState,
        company: Company,
        character: CharacterInCall,
        policy: AnswerPolicy,
        words: WordLists,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._character = character
        self._persona = character.now().persona
        self._names = Names(self._persona.names)
        self._speaker = speaker
        self._company = company
        self._commands = VoiceCommandFinder(self._names, words.commands)
        self._commands.follow(self._persona, character.personas)
        self._backchannels = words.backchannels
        self._addressing = Addressing(policy, self._names)
        self._clock = clock
        self._partner: int | None = None

    @property
    def own_names(self) -> tuple[str, ...]:
        """What the bot is called."""
        return self._character.now().persona.names

    def classify(self, utterance: Utterance) -> Classification:
        """Classify an utterance as far as it goes."""
        self._follow_persona()
        text, others = utterance.text, self._company.others(utterance.person)
        if not text.strip():
            return Classification(UtteranceKind.NOTHING)
        if utterance.may_be_echo and echoes(text, self._speaker.spoken_lately):
            return Classification(UtteranceKind.ECHO)
        if utterance.interrupting and self._backchannels.is_sign(text):
            return Classification(UtteranceKind.BACKCHANNEL)
        speaking = utterance.interrupting or self._speaker.answering
        wish = self._commands.find(text, alone=not others, speaking=speaking)
        if wish is not None:
            return Classification(UtteranceKind.COMMAND, wish.command, wish.choice)
        addressed = self._addressing.is_addressed(utterance.person, text, others, self._exchange())
        return Classification(UtteranceKind.ADDRESSED if addressed else UtteranceKind.OVERHEARD)

    def _follow_persona(self) -> None:
        persona = self._character.now().persona
        if persona is not self._persona:
            self._persona = persona
            self._names.become(persona.names)
            self._commands.follow(persona, self._character.personas)

    def said(self, person: int, text: str, *, addressed: bool) -> None:
        """A turn is over: who talks with the bot now?"""
        if addressed:
            self._partner = person
        elif person != self._partner:
            self._partner = None

    def _exchange(self) -> Exchange:
        quiet_since = self._speaker.quiet_since
        return Exchange(self._partner, 0.0 if quiet_since is None else self._clock() - quiet_since)
