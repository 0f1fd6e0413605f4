"""Finds spoken commands, by their phrases in all languages (``config/language/voice_commands.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel

from bot.llm.personas import Persona
from bot.text import phrase_pattern, plain, rest_after
from bot.voice.utterances.names import Names
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

COMMANDS_FILE = Path(__file__).parents[3] / "config" / "language" / "voice_commands.yaml"
MOOD_WORDS_FILE = Path(__file__).parents[3] / "config" / "language" / "moods.yaml"

MAX_CHARACTERS = 200
"""An utterance with more characters than this is never a command."""
_NO_PERSONAS: Mapping[str, Persona] = MappingProxyType({})
GAP = "{}"
"""Placeholder for the mood, the persona or the title of music in a phrase that asks for it."""
Phrases = dict[str, list[str]]
"""Phrases by language."""


def _with_gap(phrases: Phrases) -> Phrases:
    """Check that each phrase has exactly one gap."""
    for template in (template for templates in phrases.values() for template in templates):
        if template.count(GAP) != 1:
            raise ValueError(f"{template!r} needs one {GAP}, where the mood, the persona or the title stands")
    return phrases


PhraseTemplates = Annotated[Phrases, AfterValidator(_with_gap)]
"""Phrases that ask for a mood, a persona or a piece of music. Each has one :data:`GAP`."""


class MoodWordsError(BrokenFileError):
    """The file with the names of moods can't be used; the message names the file and the fault."""


class _MoodFile(RootModel[dict[str, Phrases]]):
    """The spoken names of each mood, by language."""


def load_mood_words(path: Path = MOOD_WORDS_FILE) -> Mapping[str, Phrases]:
    """Read the spoken names of moods. Blocks: it reads a file.

    Raises:
        MoodWordsError: the file can't be read, or is malformed.
    """
    try:
        return _MoodFile.model_validate(read_yaml(path) or {}).root
    except UNREADABLE as error:
        raise MoodWordsError(f"{path} can't be used: {reason(error)}") from error


def mood_phrases(persona: Persona, ask: Phrases, words: Mapping[str, Phrases]) -> Iterator[tuple[str, str]]:
    """Yield each phrase that asks for a mood of this persona, together with the mood. Phrases are in plain words.

    Args:
        ask: phrases that ask for a mood, with a :data:`GAP`.
        words: the spoken names of each mood.
    """
    for mood in persona.moods:
        for language, templates in ask.items():
            spoken_names = (_as_said(mood), *words.get(mood, {}).get(language, ()))
            yield from ((plain(template.replace(GAP, word)), mood) for template in templates for word in spoken_names)


def persona_phrases(
    now: Persona, personas: Mapping[str, Persona], ask: Phrases, names: Names
) -> Iterator[tuple[str, str]]:
    """Yield each phrase that asks for a persona other than ``now``, together with that persona's file name.

    Phrases are in plain words.

    Args:
        ask: phrases that ask for a persona, with a :data:`GAP`.
        names: the names of ``now``. They are removed from an utterance before it is compared with phrases. If "Evil
            Seiyuu" is said to Seiyuu, only "evil" is left, so "evil" counts as a name of that persona too.
    """
    templates = [template for phrases in ask.values() for template in phrases]
    for file, persona in personas.items():
        if persona != now:
            full = (*persona.names, _as_said(file))
            spoken_names = dict.fromkeys((*full, *filter(None, map(names.without, full))))
            yield from ((plain(template.replace(GAP, name)), file) for template in templates for name in spoken_names)


class DegreeWords:
    """Words that say how much of a mood is wanted, such as "a bit more"."""

    def __init__(self, phrases: Phrases) -> None:
        words = sorted((plain(word) for languages in phrases.values() for word in languages), key=len, reverse=True)
        self._words = re.compile("|".join(phrase_pattern(word) for word in words if word) or r"(?!)")

    def without(self, text: str) -> str:
        """Remove these words from a text in plain words."""
        return " ".join(self._words.sub(" ", text).split())


def _as_said(name: str) -> str:
    """The name of a mood or a file as people say it, with spaces."""
    return name.replace("_", " ").replace("-", " ")


class VoiceCommand(StrEnum):
    """A command that people can speak."""

    LEAVE = "leave"
    STOP = "stop"
    REPEAT_ME = "repeat me"
    MOOD = "mood"
    PERSONA = "persona"
    REMEMBER = "remember"
    FORGET_THAT = "forget that"
    FORGET_ME = "forget me"
    WHAT_YOU_KNOW = "what do you know"
    NOTES_ON = "take notes"
    NOTES_OFF = "stop taking notes"
    PLAY = "play"
    MUSIC_PAUSE = "pause the music"
    MUSIC_RESUME = "resume the music"
    MUSIC_SKIP = "skip the music"
    MUSIC_STOP = "stop the music"


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command that was found in an utterance.

    Attributes:
        choice: name of the mood, file name of the persona, the words to be remembered, or the title of a piece; empty
            for other commands.
        language: the language of the phrase, if the command is about the memory.
    """

    command: VoiceCommand
    choice: str = ""
    language: str = ""


class VoiceCommandsError(BrokenFileError):
    """The file of commands can't be used; the message names the file and the fault."""


class _CommandFile(BaseModel):
    """The file of commands: the phrases of each command, by language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    polite: Phrases
    leave: Phrases
    stop: Phrases
    repeat_me: Annotated[Phrases, Field(alias="repeat me")]
    mood: PhraseTemplates = {}
    degree: Phrases = {}
    persona: PhraseTemplates = {}
    notes_on: Annotated[Phrases, Field(alias="take notes")] = {}
    notes_off: Annotated[Phrases, Field(alias="stop taking notes")] = {}
    music_pause: Annotated[Phrases, Field(alias="pause the music")] = {}
    music_resume: Annotated[Phrases, Field(alias="resume the music")] = {}
    music_skip: Annotated[Phrases, Field(alias="skip the music")] = {}
    music_stop: Annotated[Phrases, Field(alias="stop the music")] = {}
    play: PhraseTemplates = {}
    play_song: Annotated[PhraseTemplates, Field(alias="play the song")] = {}

    def meanings(self) -> Iterator[tuple[str, VoiceCommand | None]]:
        """Yield each phrase without a :data:`GAP`, in plain words, and its command (``None`` if it is only polite)."""
        for languages, command in (
            (self.polite, None),
            (self.leave, VoiceCommand.LEAVE),
            (self.stop, VoiceCommand.STOP),
            (self.repeat_me, VoiceCommand.REPEAT_ME),
            (self.notes_on, VoiceCommand.NOTES_ON),
            (self.notes_off, VoiceCommand.NOTES_OFF),
            (self.music_pause, VoiceCommand.MUSIC_PAUSE),
            (self.music_resume, VoiceCommand.MUSIC_RESUME),
            (self.music_skip, VoiceCommand.MUSIC_SKIP),
            (self.music_stop, VoiceCommand.MUSIC_STOP),
        ):
            for phrases in languages.values():
                yield from ((plain(phrase), command) for phrase in phrases)


@dataclass(frozen=True, slots=True)
class CommandPhrases:
    """The phrases of spoken commands. One object serves all calls.

    Attributes:
        fixed: the commands that all personas have, by phrase (in plain words); ``None`` if a phrase is only polite.
        mood: phrases that ask for a mood, with a :data:`GAP`.
        persona: phrases that ask for a persona, with a :data:`GAP`.
        mood_words: the spoken names of each mood.
        degree: words that say how much of a mood is wanted.
        play: phrases that ask for a piece of music by its whole title, with a :data:`GAP`.
        play_song: phrases that ask for a piece of music by some words of its title, with a :data:`GAP`.
    """

    fixed: Mapping[str, CommandRequest | None]
    mood: Phrases
    persona: Phrases
    mood_words: Mapping[str, Phrases]
    degree: DegreeWords
    play: Phrases = field(default_factory=dict)
    play_song: Phrases = field(default_factory=dict)

    @property
    def polite(self) -> frozenset[str]:
        """The phrases that are only polite."""
        return frozenset(phrase for phrase, request in self.fixed.items() if request is None)


def load_command_phrases(path: Path = COMMANDS_FILE) -> CommandPhrases:
    """Read the phrases and the names of moods. Blocks: it reads files.

    Raises:
        VoiceCommandsError: ``path`` can't be read or is malformed, or one of its phrases is empty or has two meanings.
        MoodWordsError: the file with the names of moods can't be used.
    """
    file = _read(path)
    fixed: dict[str, CommandRequest | None] = {}
    for phrase, command in file.meanings():
        request = CommandRequest(command) if command is not None else None
        if not phrase:
            raise VoiceCommandsError(f"{path} has a phrase without words")
        if fixed.setdefault(phrase, request) != request:
            raise VoiceCommandsError(f"{path} gives two meanings to {phrase!r}")
    return CommandPhrases(
        fixed, file.mood, file.persona, load_mood_words(), DegreeWords(file.degree), file.play, file.play_song
    )


class VoiceCommandFinder:
    """Finds commands in utterances.

    :meth:`set_choices` sets the moods and personas that can be asked for.

    Args:
        names: the names of the bot.
        phrases: the phrases of the commands.
    """

    def __init__(self, names: Names, phrases: CommandPhrases) -> None:
        self._names = names
        self._phrases = phrases
        self._set_meanings({})

    def set_choices(self, persona: Persona, personas: Mapping[str, Persona] = _NO_PERSONAS) -> None:
        """Set what can be asked for: the moods of ``persona``, and the other ``personas`` (by file name)."""
        choices: dict[str, CommandRequest] = {}
        for phrase, mood in mood_phrases(persona, self._phrases.mood, self._phrases.mood_words):
            choices.setdefault(phrase, CommandRequest(VoiceCommand.MOOD, mood))
        for phrase, file in persona_phrases(persona, personas, self._phrases.persona, self._names):
            # If "Be Evil Seiyuu" is said to Seiyuu, the name at the end is removed before phrases are compared.
            for said in filter(None, (phrase, self._names.without(phrase))):
                choices.setdefault(said, CommandRequest(VoiceCommand.PERSONA, file))
        self._set_meanings(choices)

    def _set_meanings(self, choices: Mapping[str, CommandRequest]) -> None:
        # Fixed phrases come last, so that they win over the moods of a persona ("be quiet").
        self._meanings: dict[str, CommandRequest | None] = {**choices, **self._phrases.fixed}
        self._longest = max(map(len, self._meanings), default=0)

    def find(self, text: str, *, alone: bool, speaking: bool) -> CommandRequest | None:
        """The command in an utterance; ``None`` if it is no command.

        Args:
            alone: whether the speaker is the only person in the call. If so, a command needs no name of the bot.
            speaking: whether the bot speaks. If so, "stop" needs no name of the bot.
        """
        request = self._only_command(plain(text)) or self._mood_with_degree(plain(text))
        if request is None:
            return None
        named = self._names.called_in(text)
        if request.command is VoiceCommand.STOP:
            # While the bot is silent, "stop" is probably not for the bot.
            return request if speaking or named else None
        return request if named or alone else None

    def _mood_with_degree(self, text: str) -> CommandRequest | None:
        """The request for a mood in an utterance that also says how much of the mood is wanted."""
        request = self._only_command(self._phrases.degree.without(text))
        return request if request is not None and request.command is VoiceCommand.MOOD else None

    def _only_command(self, rest: str) -> CommandRequest | None:
        """The command of an utterance that consists of one command, names and polite words; ``None`` for any other."""
        if len(rest) > MAX_CHARACTERS:
            return None
        found: CommandRequest | None = None
        while rest := self._names.without(rest):
            phrase = self._phrase_at_start(rest)
            if not phrase:
                return None
            request = self._meanings[phrase]
            if None not in (found, request) and found != request:
                return None
            found = request or found
            rest = rest[len(phrase) :]
        return found

    def _phrase_at_start(self, text: str) -> str:
        """The longest phrase at the beginning of a text; empty if there is none."""
        starts = (text[:end] for end in range(min(len(text), self._longest), 0, -1))
        return next((start for start in starts if start in self._meanings and rest_after(text, start) is not None), "")


def _read(path: Path) -> _CommandFile:
    try:
        return _CommandFile.model_validate(read_yaml(path))
    except UNREADABLE as error:
        raise VoiceCommandsError(f"{path} can't be used: {reason(error)}") from error
