"""What people say about the bot's memory, and what the bot answers, by language (``config/language/memory.yaml``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bot.text import FIRST_UNSPACED, plain, rest_after, rest_before
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import CommandRequest, VoiceCommand
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

FILE = Path(__file__).parents[3] / "config" / "language" / "memory.yaml"
USUAL_LANGUAGE = "en"
MAX_CHARACTERS = 500
"""Maximum number of characters of a request."""
MAX_AROUND = 100
"""Maximum number of characters of a phrase, together with the names and polite words before and after it."""

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Phrases = Annotated[list[str], Field(min_length=1)]
_MARKS = " \t\n,;:.…!。、，；：！—–-\"'“”„«»「」"
_QUESTION = ("?", "？")


class MemoryWordsError(BrokenFileError):
    """The file can't be used. The message names the file and the mistake."""


class PhoneMemoryLines(BaseModel):
    """Answers that fit a telephone: they name no commands to type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nothing: _Line
    more: _Line
    refused: _Line


class MemoryLines(BaseModel):
    """The phrases and the bot's answers in one language, as they are in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forget_that: _Phrases
    forget_me: _Phrases
    what_you_know: _Phrases
    remember: _Phrases
    remember_end: list[str] = []
    remembered: _Line
    nothing_said: _Line
    forgotten: _Line
    nothing_to_forget: _Line
    sure: _Line
    all_forgotten: _Line
    kept: _Line
    nothing: _Line
    known: _Line
    more: _Line
    refused: _Line
    on_phone: PhoneMemoryLines
    number_withheld: _Line
    of_others: _Line
    switched_off: _Line
    trouble: _Line


@dataclass(frozen=True, slots=True)
class MemoryWords:
    """Recognises requests about the memory, in all languages at once, and has the answers.

    Attributes:
        languages: the phrases and lines of each language.
        exact: the requests that consist of a phrase alone, such as "forget that", by phrase in plain words.
        before: phrases before words that are to be remembered, with their language.
        after: phrases after such words, with their language.
        polite: polite phrases, in plain words.
    """

    languages: Mapping[str, MemoryLines]
    exact: Mapping[str, CommandRequest]
    before: Mapping[str, str]
    after: Mapping[str, str]
    polite: Set[str]

    def lines(self, language: str) -> MemoryLines:
        """The lines of a language; those in English if there are none."""
        return self.languages.get(language) or self.languages[USUAL_LANGUAGE]

    def find(self, text: str, names: Names) -> CommandRequest | None:
        """The request that a person makes with a text; ``None`` if the text is no request.

        Args:
            names: the bot's names, which may stand around a phrase.
        """
        if len(text) > MAX_CHARACTERS:
            return None
        said = plain(text)
        # Most texts have none of the phrases. This quick check spares them the slower search for names.
        if not any(any(map(said.__contains__, phrases)) for phrases in (self.exact, self.before, self.after)):
            return None
        if (request := self.exact.get(self._bare(text, names))) is not None:
            return request
        return None if text.rstrip().endswith(_QUESTION) else self._to_remember(text, names)

    def _to_remember(self, text: str, names: Names) -> CommandRequest | None:
        for cut in reversed([cut for cut in _cuts(text) if cut <= MAX_AROUND]):
            if (language := self.before.get(self._bare(text[:cut], names))) is not None:
                return CommandRequest(VoiceCommand.REMEMBER, text[cut:].strip(_MARKS), language)
        for cut in (cut for cut in _cuts(text) if cut >= len(text) - MAX_AROUND):
            if (language := self.after.get(self._bare(text[cut:], names))) is not None:
                begin = max((each for each in _cuts(text[:cut]) if not self._bare(text[:each], names)), default=0)
                return CommandRequest(VoiceCommand.REMEMBER, text[begin:cut].strip(_MARKS), language)
        return None

    def _bare(self, text: str, names: Names) -> str:
        """The plain words of a text, without names and polite words at its beginning and end."""
        rest, before = plain(text), None
        while rest != before:
            before = rest
            rest = _without_any(names.without(rest), self.polite)
        return rest


def _without_any(text: str, phrases: Set[str]) -> str:
    """A text without any of the phrases at its beginning and end."""
    before = None
    while text != before:
        before = text
        for phrase in phrases:
            for rest in (rest_after, rest_before):
                without = rest(text, phrase)
                text = text if without is None else without
    return text


def _cuts(text: str) -> Iterator[int]:
    """Where a text can be cut without cutting a word, from its beginning to its end."""
    for at in range(1, len(text) + 1):
        inside = at < len(text) and text[at - 1].isalnum() and text[at].isalnum() and text[at] < FIRST_UNSPACED
        if not inside:
            yield at


def load_memory_words(polite: Set[str], path: Path = FILE) -> MemoryWords:
    """Read the phrases and lines. Blocks: it reads a file.

    Raises:
        MemoryWordsError: the file can't be read or is malformed, has no lines in English, or gives a phrase two
            meanings.
    """
    try:
        languages = TypeAdapter(dict[str, MemoryLines]).validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise MemoryWordsError(f"{path} can't be used: {reason(error)}") from error
    if USUAL_LANGUAGE not in languages:
        raise MemoryWordsError(f"{path} can't be used: lines in {USUAL_LANGUAGE!r} are missing")
    exact: dict[str, CommandRequest] = {}
    before: dict[str, str] = {}
    after: dict[str, str] = {}

    def bare(phrases: list[str]) -> list[str]:
        return [_without_any(plain(phrase), polite) for phrase in phrases]

    for language, lines in languages.items():
        for phrases, command in (
            (lines.forget_that, VoiceCommand.FORGET_THAT),
            (lines.forget_me, VoiceCommand.FORGET_ME),
            (lines.what_you_know, VoiceCommand.WHAT_YOU_KNOW),
        ):
            for phrase in bare(phrases):
                if exact.setdefault(phrase, CommandRequest(command, language=language)).command is not command:
                    raise MemoryWordsError(f"{path} gives two meanings to {phrase!r}")
        before |= {phrase: language for phrase in bare(lines.remember) if phrase not in before}
        after |= {phrase: language for phrase in bare(lines.remember_end) if phrase not in after}
    if "" in exact or "" in before or "" in after:
        raise MemoryWordsError(f"{path} has a phrase without words")
    return MemoryWords(languages, exact, before, after, polite)
