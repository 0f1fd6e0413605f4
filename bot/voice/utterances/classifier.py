"""Classifies utterances: no words, an echo, a backchannel, a command, talk between people, or words for the bot."""

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
from bot.text import FIRST_UNSPACED, plain_words
from bot.voice.utterances.music_words import MusicTitles, PlayWords
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import CommandRequest, VoiceCommand, VoiceCommandFinder
from bot.voice.utterances.word_lists import WordLists
from config.sections import AnswerPolicy


class UtteranceKind(StrEnum):
    """The result of classifying an utterance."""

    NOTHING = "nothing"
    """The utterance has no words."""
    ECHO = "echo"
    """The utterance is the bot's own speech, which a microphone has picked up from loudspeakers."""
    BACKCHANNEL = "backchannel"
    """The utterance is a listener's "mhm", which is neither an interruption nor a question."""
    IGNORED = "ignored"
    """The utterance is of a person whom the bot does not answer. It does not enter the history either."""
    COMMAND = "command"
    """The utterance is a spoken command."""
    OVERHEARD = "overheard"
    """The utterance is talk between people. It enters the history, so that the next answer can refer to it."""
    ADDRESSED = "addressed"
    """The utterance is for the bot."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """The words of a turn, or of a turn's beginning.

    Attributes:
        person: the speaker's user id.
        text: the words.
        interrupting: whether the turn began while the bot was answering. This does not say whether the person
            may end that answer.
        may_be_echo: whether the sound may be the bot's own voice.
    """

    person: int
    text: str
    interrupting: bool
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True)
class Classification:
    """The kind of an utterance.

    Attributes:
        command: the command, if the kind is :attr:`UtteranceKind.COMMAND`.
        choice: the mood, the persona, the words or the piece of music that the command is about; empty for other
            commands.
        language: the language of a command that is about the memory.
    """

    kind: UtteranceKind
    command: VoiceCommand | None = None
    choice: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class SpokenCommand:
    """A command that a person has spoken.

    Attributes:
        kind: which command it is.
        person: the person's user id.
        author: the person's display name.
        before: the person's last utterance before the command, if there is one.
        choice: the mood, the persona, the words or the piece of music that the command is about; empty for other
            commands.
        language: the language of a command that is about the memory.
    """

    kind: VoiceCommand
    person: int
    author: str
    before: str | None
    choice: str = ""
    language: str = ""


CONTINUATION_SECONDS = 12.0
"""For this many seconds after an answer, further words of the person who was answered count as words for the bot."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class AddressingContext:
    """The state of the conversation when an utterance is made.

    Attributes:
        partner: user id of the person who last talked with the bot; ``None`` if another person has spoken after that.
        quiet_seconds: seconds since the end of the bot's last reply; 0 during a reply and before the first one.
    """

    partner: int | None = None
    quiet_seconds: float = 0.0


class Addressing:
    """Decides whether an utterance is for the bot.

    Args:
        policy: the operator's rule for whom the bot answers.
        names: the bot's names.
    """

    def __init__(self, policy: AnswerPolicy, names: Names) -> None:
        self._policy = policy
        self._names = names

    def is_addressed(self, person: int, text: str, others: tuple[str, ...], context: AddressingContext) -> bool:
        """Whether an utterance is for the bot. ``others`` are the names of the other people in the call."""
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
                        and context.quiet_seconds <= CONTINUATION_SECONDS
                        and not _calls_first(text, others)
                    )
                )


def _calls_first(text: str, others: tuple[str, ...]) -> bool:
    """Whether an utterance begins with a name of ``others``, or with one word, such as "hey", and such a name."""
    return Names(form for name in others for form in _spoken_forms(name)).called_first(text)


def _spoken_forms(name: str) -> tuple[str, ...]:
    """A display name, and the part of it that people say: "Max" of "xX_Max_Xx", "Anna" of "Anna | 99"."""
    words = plain_words(_DIGITS.sub(" ", name))
    return (name, max(words, key=len)) if words else (name,)


MIN_LETTERS = 18
"""An utterance with fewer letters than this is never taken for an echo.

People may repeat short phrases of the bot, such as "near the station?".
"""
LETTERS_PER_SYLLABLE = 3
"""Number of letters for which each character counts in scripts whose characters are syllables or words."""
MAX_ERROR_SHARE = 0.2
"""Largest share of an echo's letters that may be misheard. If more differ, a person has rephrased the bot's words."""

_Letters = NDArray[np.uint32]


def is_echo(heard: str, spoken: str) -> bool:
    """Whether the words ``heard`` are a part of the words ``spoken`` by the bot, apart from some misheard letters.

    Letters are compared instead of words, because an echo may begin inside a word, and because transcribers differ in
    where they split words.
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
    return len(letters) + (LETTERS_PER_SYLLABLE - 1) * int(np.count_nonzero(letters >= ord(FIRST_UNSPACED)))


def _fewest_edits(letters: _Letters, said: _Letters) -> int:
    """The least number of edits that turn the letters into a substring of ``said`` (Sellers' algorithm, 1980)."""
    places = np.arange(len(said) + 1)
    # ``edits[i]``: least edits that turn the letters so far into a substring of ``said`` that ends at position i.
    edits = np.zeros(len(said) + 1, np.int64)
    for letter in letters:
        row = edits + 1
        row[1:] = np.minimum(row[1:], edits[:-1] + (said != letter))
        # Letters of ``said`` may be skipped for one edit each. So a position costs no more than any earlier position
        # plus the number of letters between the two.
        edits = np.minimum.accumulate(row - places) + places
    return int(edits.min())


class BotSpeech(Protocol):
    """What the classifier has to know about the bot's own speech."""

    @property
    def answering(self) -> bool:
        """Whether a reply is being made or spoken."""
        ...

    @property
    def quiet_since(self) -> float | None:
        """When the last reply ended, in monotonic seconds; ``None`` before the first reply and during a reply."""
        ...

    @property
    def recently_spoken(self) -> str:
        """Text of the segments that started to play a short while ago."""
        ...


class PeopleInCall(Protocol):
    """What the classifier has to know about the people in the call."""

    def others(self, person: int) -> tuple[str, ...]:
        """The names of all people in the call except this one."""
        ...


class CharacterInCall(Protocol):
    """What the classifier has to know about the bot's persona; see :class:`~bot.characters.LocalCharacter`."""

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All personas that the bot can change to, by file name."""
        ...

    def now(self) -> Character:
        """The current persona and mood."""
        ...


class CallClassifier:
    """A :class:`~bot.voice.ports.UtteranceClassifier` for one call.

    Args:
        bot_speech: the bot's own speech.
        people: the people in the call.
        character: the bot's persona, from which the bot has its names.
        policy: the operator's rule for whom the bot answers.
        words: the phrases of commands and the backchannels.
        remembers: whether there is a memory that can be asked.
        titles: returns the titles of the music that can be played; ``None`` if there is no music.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        bot_speech: BotSpeech,
        people: PeopleInCall,
        character: CharacterInCall,
        policy: AnswerPolicy,
        words: WordLists,
        *,
        remembers: bool = False,
        titles: Callable[[], MusicTitles] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._character = character
        self._persona = character.now().persona
        self._names = Names(self._persona.names)
        self._bot_speech = bot_speech
        self._people = people
        self._commands = VoiceCommandFinder(self._names, words.commands)
        self._commands.set_choices(self._persona, character.personas)
        self._play_words = PlayWords(self._names, words.commands)
        self._titles = titles
        self._memory = words.memory if remembers else None
        self._backchannels = words.backchannels
        self._addressing = Addressing(policy, self._names)
        self._clock = clock
        self._partner: int | None = None

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of the bot."""
        return self._character.now().persona.names

    def classify(self, utterance: Utterance) -> Classification:
        """Classify an utterance. This may be called again when more words of the same turn are known."""
        self._follow_persona()
        text, others = utterance.text, self._people.others(utterance.person)
        if not text.strip():
            return Classification(UtteranceKind.NOTHING)
        if utterance.may_be_echo and is_echo(text, self._bot_speech.recently_spoken):
            return Classification(UtteranceKind.ECHO)
        if utterance.interrupting and self._backchannels.is_backchannel(text):
            return Classification(UtteranceKind.BACKCHANNEL)
        speaking = utterance.interrupting or self._bot_speech.answering
        request = self._commands.find(text, alone=not others, speaking=speaking)
        request = request or self._piece_wanted(text, alone=not others)
        if request is not None:
            return Classification(UtteranceKind.COMMAND, request.command, request.choice)
        addressed = self._addressing.is_addressed(utterance.person, text, others, self._context())
        # People ask about the memory in the middle of a conversation, where nobody says the bot's name each time.
        if (addressed or not others) and (request := self.memory_request(text)) is not None:
            return Classification(UtteranceKind.COMMAND, request.command, request.choice, request.language)
        return Classification(UtteranceKind.ADDRESSED if addressed else UtteranceKind.OVERHEARD)

    def _piece_wanted(self, text: str, *, alone: bool) -> CommandRequest | None:
        """The request for a piece of music; ``None`` if the text is no such request, or is not for the bot."""
        if self._titles is None or not (alone or self._names.called_in(text)):
            return None
        return self._play_words.find(text, self._titles())

    def memory_request(self, text: str) -> CommandRequest | None:
        """The request about the memory that a typed or spoken text makes; ``None`` if it makes none."""
        return None if self._memory is None else self._memory.find(text, self._names)

    def _follow_persona(self) -> None:
        persona = self._character.now().persona
        if persona is not self._persona:
            self._persona = persona
            self._names.update(persona.names)
            self._commands.set_choices(persona, self._character.personas)

    def note_utterance(self, person: int, text: str, *, addressed: bool) -> None:
        """Note the words of a turn that is over, to remember who talks with the bot."""
        if addressed:
            self._partner = person
        elif person != self._partner:
            self._partner = None

    def _context(self) -> AddressingContext:
        quiet_since = self._bot_speech.quiet_since
        return AddressingContext(self._partner, 0.0 if quiet_since is None else self._clock() - quiet_since)
