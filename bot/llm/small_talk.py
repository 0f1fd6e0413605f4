"""The messages for a small model: a system prompt of two or three sentences, and a beginning to go on from.

Rules and circumstances, such as a large model is told, a small one recites or confuses; an example it follows. So a
talk in another language than English begins with a greeting of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from bot.llm.messages import ChatMessage
from bot.llm.model_size import ModelSize
from bot.llm.personas import Persona
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.guess import LanguageGuesser

SMALL_TALK_FILE = Path(__file__).parents[2] / "config" / "language" / "small_talk.yaml"
USUAL_LANGUAGE = "en"

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Beginning(BaseModel):
    """What opens a talk in one language; ``{bot}`` and ``{person}`` stand for the names.

    ``{character}`` stands for a comma and the persona's character in a few words, or for nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: _Words
    hello: _Words | None = None
    welcome: _Words | None = None


Beginnings = Mapping[str, Beginning]
"""By language."""


def _with_the_usual(beginnings: dict[str, Beginning]) -> dict[str, Beginning]:
    if USUAL_LANGUAGE not in beginnings:
        raise ValueError(f"the language {USUAL_LANGUAGE!r} is missing")
    return beginnings


_FILE = TypeAdapter(Annotated[dict[str, Beginning], AfterValidator(_with_the_usual)])


class SmallTalkError(BrokenFileError):
    """The file of beginnings can't be used; the text names it and the fault."""


def load_beginnings(path: Path = SMALL_TALK_FILE) -> Beginnings:
    """Read the file. Blocks.

    Raises:
        SmallTalkError: it can't be read, or is malformed.
    """
    try:
        return _FILE.validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise SmallTalkError(f"{path} can't be used: {reason(error)}") from error


class SmallTalk:
    """Writes the messages of one conversation. :meth:`load` comes first; belongs to the event loop."""

    def __init__(self, beginnings: Beginnings) -> None:
        self._beginnings = beginnings
        self._guesser = LanguageGuesser(beginnings)
        self._loaded = False
        self._language = USUAL_LANGUAGE

    async def load(self) -> None:
        """Load what tells languages apart, in a thread; nothing happens if it is there."""
        if not self._loaded:
            await asyncio.to_thread(self._guesser.load)
            self._loaded = True

    def messages(self, persona: Persona, talk: Sequence[ChatMessage], size: ModelSize) -> tuple[ChatMessage, ...]:
        """Who the model is, and ``talk``, whose roles alternate; its last line is to be answered.

        For a tiny model the talk is one message with what people said: of what it said itself it would go on for ever.
        """
        line = talk[-1].content.rpartition("\n")[2]
        person, _, text = line.partition(": ")
        beginning = self._beginning(text)
        names = {
            "bot": persona.name,
            "person": person,
            "character": f", {persona.in_short}" if persona.in_short else "",
        }
        opening = [ChatMessage("system", _filled(beginning.system, names))]
        if beginning.hello is not None and beginning.welcome is not None:
            opening.append(ChatMessage("user", _filled(beginning.hello, names)))
            opening.append(ChatMessage("assistant", _filled(beginning.welcome, names)))
        if size.tiny:
            lines = "\n".join(message.content for message in talk if message.role == "user")
            return *opening, ChatMessage("user", lines)
        return *opening, *talk

    def _beginning(self, line: str) -> Beginning:
        if not self._loaded:
            raise RuntimeError("what tells languages apart is not loaded")
        self._language = self._guesser.guess(line, self._language) or self._language
        return self._beginnings[self._language]


def _filled(words: str, names: Mapping[str, str]) -> str:
    # Not str.format: a name may have braces.
    for key, name in names.items():
        words = words.replace(f"{{{key}}}", name)
    return words
