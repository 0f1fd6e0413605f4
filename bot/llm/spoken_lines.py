"""Lines that the bot says by itself in a call, by language: while a tool takes long, to people who join or call, and
when everybody has to know something."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from bot.llm.cleaning import clean_name
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.tags import primary_language

FOLDER = Path(__file__).parents[2] / "config" / "language"
WAITING_FILE, GREETINGS_FILE, PHONE_FILE = "waiting.yaml", "greetings.yaml", "phone_greetings.yaml"
SENTENCES_FILE, ANNOUNCEMENTS_FILE = "phone_sentences.yaml", "announcements.yaml"
USUAL_LANGUAGE = "en"
"""The language of the lines if there are none in the conversation's language."""
_MAX_LINES = 20
_NAME = "{name}"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Lines = dict[str, Annotated[tuple[Line, ...], Field(min_length=1, max_length=_MAX_LINES)]]
"""Lines by language."""
Texts = dict[str, Line]
"""A text by language."""


class PhoneSentence(StrEnum):
    """What is spoken on a phone line outside of a call. The values are the names in :data:`SENTENCES_FILE`."""

    BUSY = "busy"
    NOT_NOW = "not_now"
    PIN = "pin"
    WRONG_PIN = "wrong_pin"
    TOO_MANY_PINS = "too_many_pins"
    GOODBYE = "goodbye"
    SWITCHED_OFF = "switched_off"
    UNANSWERED = "unanswered"
    """The bot has to end the call before it could answer."""
    LIMIT = "limit"
    """Today's limit is reached, so that the voice can't speak any more."""


class Announcement(StrEnum):
    """What everybody in a call has to hear. The values are the names in :data:`ANNOUNCEMENTS_FILE`."""

    RECORDING_BEGAN = "recording_began"
    RECORDING_ENDED = "recording_ended"
    NOTES_BEGAN = "notes_began"
    NOTES_ENDED = "notes_ended"
    BACK = "back"
    NO_ANSWER = "no_answer"
    """On the telephone, in place of an answer that could not be made or spoken."""
    LIMIT = "limit"
    """Today's limit of the model is reached: on the telephone in place of each answer, in other calls once."""
    NOT_HEARD = "not_heard"
    """On the telephone: today's limit of the recogniser is reached."""
    ONLY_TYPE = "only_type"
    """In other calls, in which people can type: today's limit of the recogniser is reached."""


class SpokenLinesError(BrokenFileError):
    """A file of lines can't be used. The message names the file and the mistake."""


class WaitLength(StrEnum):
    """How long a wait for a tool is."""

    SOON = "soon"
    """People begin to notice the wait."""
    LATER = "later"
    """The wait goes on."""
    LATE = "late"
    """The bot waits no longer, and tells the result when it comes."""


class WaitingLines(BaseModel):
    """What is said while a tool takes long: lines for each :class:`WaitLength`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    soon: Lines = {}
    later: Lines = {}
    late: Lines = {}

    def of(self, wait: WaitLength) -> Lines:
        """The lines for a wait."""
        match wait:
            case WaitLength.SOON:
                return self.soon
            case WaitLength.LATER:
                return self.later
            case WaitLength.LATE:
                return self.late


@dataclass(frozen=True, slots=True)
class SpokenLines:
    """The lines for personas that have none of their own.

    Attributes:
        greetings: greetings for people who join. ``{name}`` stands for the person's name.
        phone: the first words of a phone call. ``{name}`` stands for the bot's name.
        sentences: what is spoken on phone lines outside of calls, in words that never change.
        announcements: what everybody in a call has to hear, also in words that never change.
    """

    waiting: WaitingLines
    greetings: Mapping[str, Sequence[str]]
    phone: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sentences: Mapping[PhoneSentence, Mapping[str, str]] = field(default_factory=dict)
    announcements: Mapping[Announcement, Mapping[str, str]] = field(default_factory=dict)

    def sentence(self, sentence: PhoneSentence, language: str | None) -> str:
        """A sentence for a phone line, in a language (Whisper's code; ``None`` if it is unknown)."""
        return _in_language(self.sentences[sentence], language)

    def announcement(self, announcement: Announcement, language: str | None) -> str:
        """An announcement, in a language (Whisper's code; ``None`` if it is unknown)."""
        return _in_language(self.announcements[announcement], language)


def _in_language(texts: Mapping[str, str], language: str | None) -> str:
    return texts.get(primary_language(language or USUAL_LANGUAGE)) or texts[USUAL_LANGUAGE]


def load_spoken_lines(folder: Path = FOLDER) -> SpokenLines:
    """Read the files of lines. Blocks: it reads files.

    Raises:
        SpokenLinesError: a file can't be read, is malformed, or has no lines in :data:`USUAL_LANGUAGE`.
    """
    waiting: WaitingLines = _read(folder / WAITING_FILE, TypeAdapter(WaitingLines))
    greetings: Lines = _read(folder / GREETINGS_FILE, TypeAdapter(Lines))
    phone: Lines = _read(folder / PHONE_FILE, TypeAdapter(Lines))
    sentences: dict[PhoneSentence, Texts] = _read_all(folder / SENTENCES_FILE, PhoneSentence)
    announcements: dict[Announcement, Texts] = _read_all(folder / ANNOUNCEMENTS_FILE, Announcement)
    waits = [(WAITING_FILE, waiting.of(wait)) for wait in WaitLength]
    for name, lines in (*waits, (GREETINGS_FILE, greetings), (PHONE_FILE, phone)):
        if USUAL_LANGUAGE not in lines:
            raise SpokenLinesError(f"{folder / name} can't be used: lines in {USUAL_LANGUAGE!r} are missing")
    return SpokenLines(waiting, greetings, phone, sentences, announcements)


def _read(path: Path, form: TypeAdapter[Any]) -> Any:
    try:
        return form.validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise SpokenLinesError(f"{path} can't be used: {reason(error)}") from error


def _read_all(path: Path, names: type[StrEnum]) -> Any:
    """Read a file that has a text in several languages for each of ``names``."""
    texts: dict[StrEnum, Texts] = _read(path, TypeAdapter(dict[names, Texts]))  # type: ignore[valid-type]
    for name in names:
        if USUAL_LANGUAGE not in texts.get(name, {}):
            raise SpokenLinesError(f"{path} can't be used: {name.value!r} in {USUAL_LANGUAGE!r} is missing")
    return texts


class LineChooser:
    """Chooses the lines of one call. It does not say the same line twice in a row.

    The ``language`` is the conversation's language, as Whisper's code; ``None`` if it is unknown.

    Args:
        usual: the lines for personas that have none of their own in that language.
        choose: returns one of the lines that it is given.
    """

    def __init__(self, usual: SpokenLines, choose: Callable[[Sequence[str]], str] = random.choice) -> None:
        self._usual = usual
        self._choose = choose
        self._last = ""

    def waiting(self, persona: WaitingLines, language: str | None, wait: WaitLength) -> str:
        """The next line while a tool takes long. ``persona`` has the persona's own lines."""
        return self._next(persona.of(wait), self._usual.waiting.of(wait), language)

    def greeting(self, persona: Mapping[str, Sequence[str]], language: str | None, name: str) -> str:
        """The next greeting for a person, whose name is cleaned here. ``persona`` has the persona's own greetings."""
        return self._next(persona, self._usual.greetings, language).replace(_NAME, clean_name(name))

    def first_words(self, language: str | None, name: str) -> str:
        """The first words of a phone call. ``name`` is the bot's name."""
        return self._next({}, self._usual.phone, language).replace(_NAME, name)

    def _next(self, own: Mapping[str, Sequence[str]], usual: Mapping[str, Sequence[str]], language: str | None) -> str:
        wanted = primary_language(language or USUAL_LANGUAGE)
        lines = own.get(wanted) or usual.get(wanted) or usual[USUAL_LANGUAGE]
        self._last = self._choose([line for line in lines if line != self._last] or lines)
        return self._last
