"""Utterances and their classification: nothing, an echo, a backchannel, a command, meant for others, or for the bot."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.llm.personas import Character, Persona
from bot.text import plain_words
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import VoiceCommand, VoiceCommandFinder
from bot.voice.utterances.word_lists import WordLists
from config.sections import AnswerPolicy


class UtteranceKind(StrEnum):
    """What an utterance is to the bot."""

    NOTHING = "nothing"
    """There are no words in it."""
    ECHO = "echo"
    """The bot's own words, back from somebody's loudspeakers."""
    BACKCHANNEL = "backchannel"
    """A listener's "mhm": neither an interruption nor a question."""
    IGNORED = "ignored"
    """Said by somebody who is not answered; the next answer does not know of it either."""
    COMMAND = "command"
    OVERHEARD = "overheard"
    """Meant for others; worth knowing all the same."""
    ADDRESSED = "addressed"


@dataclass(frozen=True, slots=True)
class Utterance:
    """The words of a turn, or of as much of it as there is.

    ``interrupting``: it began while the bot was answering, however late its words are known, and whether or not the
    person may end that answer. ``may_be_echo``: its sound may be the bot's own voice.
    """

    person: int
    text: str
    interrupting: bool
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True)
class Classification:
    """What an utterance is; ``command`` goes with :attr:`UtteranceKind.COMMAND`, and ``choice`` is what it asks for."""

    kind: UtteranceKind
    command: VoiceCommand | None = None
    choice: str = ""


@dataclass(frozen=True, slots=True)
class SpokenCommand:
    """A command that was said aloud.

    ``before`` is what the person, called ``author``, had said last before it; ``choice`` is the mood or the
    persona that is asked for.
    """

    command: VoiceCommand
    person: int
    author: str
    before: str | None
    choice: str = ""


CONTINUATION_SECONDS = 12.0
"""Seconds after an answer within which whoever got it goes on talking to the bot."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class AddressingContext:
    """How things stand when an utterance is made.

    ``partner`` is who last talked with the bot, unless somebody else has spoken since; ``since`` is how many seconds
    ago the bot fell silent (0 while it speaks).
    """

    partner: int | None = None
    since: float = 0.0


class Addressing:
    """Decides whom an utterance is for.

    Args:
        names: what the bot is called.
    """

    def __init__(self, policy: AnswerPolicy, names: Names) -> None:
        self._policy = policy
        self._names = names

    def is_addressed(self, person: int, text: str, others: tuple[str, ...], context: AddressingContext) -> bool:
        """Whether the bot is meant; ``others`` are the names of the other people there."""
        match self._policy:
            case AnswerPolicy.ALWAYS:
                return True
            case AnswerPolicy.NAME:
                return self._names.called_in(text)
            case AnswerPolicy.SMART:
                return (
                    not others
                    or self._names.called_in(text)
                    or (
                        context.partner == person
                        and context.since <= CONTINUATION_SECONDS
                        and not _calls_first(text, others)
                    )
                )


def _calls_first(text: str, others: tuple[str, ...]) -> bool:
    """Whether an utterance begins with somebody's name, perhaps behind a "hey"."""
    return Names(form for name in others for form in _spoken_forms(name)).called_first(text)


def _spoken_forms(name: str) -> tuple[str, ...]:
    """A name as it is shown, and what is left to say of "xX_Max_Xx" or "Anna | 99"."""
    words = plain_words(_DIGITS.sub(" ", name))
    return (name, max(words, key=len)) if words else (name,)


MIN_LETTERS = 18
"""Letters that must have been heard: people say "okay" too, and "near the station?" after who said it."""
LETTERS_PER_SYLLABLE = 3
"""What one character counts where characters are syllables or words."""
FIRST_SYLLABIC = 0x2E80
"""The scripts from here on are mostly East Asian."""
MAX_ERROR_SHARE = 0.2
"""Share of the letters that may be misheard. Somebody who only takes up the bot's words changes more."""

_Letters = NDArray[np.uint32]


def is_echo(heard: str, spoken: str) -> bool:
    """Whether what was heard is, but for some mishearing, a stretch of what the bot has just spoken.

    Letters are compared, not words: an echo may begin within a word, and a transcriber splits words as it likes.
    """
    letters, said = _letters(heard), _letters(spoken)
    max_errors = int(MAX_ERROR_SHARE * len(letters))
    if _letter_count(letters) < MIN_LETTERS or len(letters) > len(said) + max_errors:
        return False
    return _fewest_edits(letters, said) <= max_errors


def _letters(text: str) -> _Letters:
    plain = "".join(plain_words(text)).replace("'", "").replace("-", "")
    return np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32)


def _letter_count(letters: _Letters) -> int:
    return len(letters) + (LETTERS_PER_SYLLABLE - 1) * int(np.count_nonzero(letters >= FIRST_SYLLABIC))


def _fewest_edits(letters: _Letters, said: _Letters) -> int:
    """The fewest edits that make the letters a stretch of what was said (Sellers, 1980)."""
    places = np.arange(len(said) + 1)
    # Row by row: the edits for the letters so far, by the place in what was said where they end.
    edits = np.zeros(len(said) + 1, np.int64)
    for letter in letters:
        row = edits + 1
        row[1:] = np.minimum(row[1:], edits[:-1] + (said != letter))
        # Leaving out letters that were said costs one each, from the best place before.
        edits = np.minimum.accumulate(row - places) + places
    return int(edits.min())


class BotSpeech(Protocol):
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
    def recently_spoken(self) -> str:
        """What it said a short while ago."""
        ...


class PeopleInCall(Protocol):
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
        speaker: BotSpeech,
        company: PeopleInCall,
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
        self._commands.set_choices(self._persona, character.personas)
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
        if utterance.may_be_echo and is_echo(text, self._speaker.recently_spoken):
            return Classification(UtteranceKind.ECHO)
        if utterance.interrupting and self._backchannels.is_backchannel(text):
            return Classification(UtteranceKind.BACKCHANNEL)
        speaking = utterance.interrupting or self._speaker.answering
        request = self._commands.find(text, alone=not others, speaking=speaking)
        if request is not None:
            return Classification(UtteranceKind.COMMAND, request.command, request.choice)
        addressed = self._addressing.is_addressed(utterance.person, text, others, self._context())
        return Classification(UtteranceKind.ADDRESSED if addressed else UtteranceKind.OVERHEARD)

    def _follow_persona(self) -> None:
        persona = self._character.now().persona
        if persona is not self._persona:
            self._persona = persona
            self._names.update(persona.names)
            self._commands.set_choices(persona, self._character.personas)

    def said(self, person: int, text: str, *, addressed: bool) -> None:
        """A turn is over: who talks with the bot now?"""
        if addressed:
            self._partner = person
        elif person != self._partner:
            self._partner = None

    def _context(self) -> AddressingContext:
        quiet_since = self._speaker.quiet_since
        return AddressingContext(self._partner, 0.0 if quiet_since is None else self._clock() - quiet_since)
