"""How a mood or a persona is asked for aloud: every phrase for it, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, RootModel

from bot.llm.personas import Persona
from bot.text import FIRST_UNSPACED, plain
from bot.voice.utterances.names import Names
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

MOOD_WORDS_FILE = Path(__file__).parents[3] / "config" / "language" / "moods.yaml"

GAP = "{}"
"""Where a mood or a persona stands in a phrase that asks for it."""
Phrases = dict[str, list[str]]
"""By language."""


def _with_gap(phrases: Phrases) -> Phrases:
    for template in (template for templates in phrases.values() for template in templates):
        if template.count(GAP) != 1:
            raise ValueError(f"{template!r} needs one {GAP}, where the mood or the persona stands")
    return phrases


Asking = Annotated[Phrases, AfterValidator(_with_gap)]
"""Phrases that ask for something, with a gap for it."""


class MoodWordsError(BrokenFileError):
    """The file of moods' names can't be used; the text names it and the fault."""


class _File(RootModel[dict[str, Phrases]]):
    """What each mood is called, by language."""


def load_mood_words(path: Path = MOOD_WORDS_FILE) -> Mapping[str, Phrases]:
    """Read what moods are called aloud.

    Raises:
        MoodWordsError: the file can't be read, or is malformed.
    """
    try:
        return _File.model_validate(read_yaml(path) or {}).root
    except UNREADABLE as error:
        raise MoodWordsError(f"{path} can't be used: {reason(error)}") from error


def mood_phrases(persona: Persona, ask: Phrases, words: Mapping[str, Phrases]) -> Iterator[tuple[str, str]]:
    """Each phrase that asks for a mood of this persona's, as it is compared, and the mood."""
    for mood in persona.moods:
        for language, templates in ask.items():
            called = (_as_said(mood), *words.get(mood, {}).get(language, ()))
            yield from ((plain(template.replace(GAP, word)), mood) for template in templates for word in called)


def persona_phrases(
    now: Persona, personas: Mapping[str, Persona], ask: Phrases, names: Names
) -> Iterator[tuple[str, str]]:
    """Each phrase that asks for another persona than it is ``now``, as it is compared, and that persona's file.

    ``names`` are those of ``now``: Evil Seiyuu is called "evil" as well, for an utterance to Seiyuu loses her name.
    """
    templates = [template for phrases in ask.values() for template in phrases]
    for file, persona in personas.items():
        if persona != now:
            full = (*persona.names, _as_said(file))
            called = dict.fromkeys((*full, *filter(None, map(names.without, full))))
            yield from ((plain(template.replace(GAP, name)), file) for template in templates for name in called)


class Degree:
    """Words that say how much of a mood is wanted: "a bit more"."""

    def __init__(self, phrases: Phrases) -> None:
        words = sorted((plain(word) for languages in phrases.values() for word in languages), key=len, reverse=True)
        self._words = re.compile("|".join(_as_pattern(word) for word in words if word) or r"(?!)")

    def without(self, text: str) -> str:
        """Plain words without them."""
        return " ".join(self._words.sub(" ", text).split())


def _as_pattern(word: str) -> str:
    """A word as a whole; in scripts without gaps, wherever it stands."""
    return re.escape(word) if word[0] >= FIRST_UNSPACED else rf"(?<!\S){re.escape(word)}(?!\S)"


def _as_said(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
