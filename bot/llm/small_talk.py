"""The messages for a small model: a system prompt of two or three sentences, and a beginning to go on from.

Rules and circumstances, such as a large model is told, a small one recites or confuses; an example it follows. So the
talk begins with a greeting of each, in the language that is spoken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from bot.llm.history import speakers
from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from tts_server.text.guess import LanguageGuesser

SMALL_TALK_FILE = Path(__file__).parents[2] / "config" / "language" / "small_talk.yaml"
USUAL_LANGUAGE = "en"
_LONGEST_LINE = 200
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Beginning(BaseModel):
    """How a talk begins in one language; ``{bot}`` and ``{person}`` stand for the names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hello: _Words
    welcome: _Words
    answer: _Words


class SmallTalk:
    """Writes the messages of one conversation. :meth:`load` comes first; belongs to the event loop."""

    def __init__(self) -> None:
        self._beginnings: Mapping[str, Beginning] = {}
        self._guesser: LanguageGuesser | None = None
        self._language = USUAL_LANGUAGE

    async def load(self) -> None:
        """Read the beginnings and load what tells languages apart, in a thread; nothing happens if they are there."""
        if self._guesser is None:
            self._beginnings, self._guesser = await asyncio.to_thread(_load)

    def messages(self, persona: Persona, talk: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Who the model is, the beginning, and ``talk``, whose roles alternate; its last line is to be answered.

        Names before lines are left out where one person alone speaks: a small model takes them for a part of the text.
        """
        people = speakers(talk)
        lines = _without_name(talk, people[0]) if len(people) == 1 else list(talk)
        beginning = self._beginning(lines[-1].content.rpartition("\n")[2])
        names = {"bot": persona.name, "person": people[0] if people else ""}
        return (
            ChatMessage("system", f"You are {persona.name}. {_first_sentence(persona.description)} {beginning.answer}"),
            ChatMessage("user", _filled(beginning.hello, names)),
            ChatMessage("assistant", _filled(beginning.welcome, names)),
            *lines,
        )

    def _beginning(self, line: str) -> Beginning:
        if self._guesser is None:
            raise RuntimeError("the beginnings are not loaded")
        self._language = self._guesser.guess(line, self._language) or self._language
        return self._beginnings[self._language]


def _load() -> tuple[Mapping[str, Beginning], LanguageGuesser]:
    fields = yaml.safe_load(SMALL_TALK_FILE.read_text(encoding="utf-8"))
    beginnings = TypeAdapter(dict[str, Beginning]).validate_python(fields)
    guesser = LanguageGuesser(beginnings)
    guesser.load()
    return beginnings, guesser


def _first_sentence(description: str) -> str:
    found = _SENTENCE.match(" ".join(description.split()))
    sentence = found[0] if found is not None else ""
    return sentence if len(sentence) <= _LONGEST_LINE else ""


def _filled(words: str, names: Mapping[str, str]) -> str:
    # Not str.format: a name may have braces.
    for key, name in names.items():
        words = words.replace(f"{{{key}}}", name)
    return words


def _without_name(talk: Sequence[ChatMessage], name: str) -> list[ChatMessage]:
    head = f"{name}: "
    return [
        ChatMessage(message.role, "\n".join(line.removeprefix(head) for line in message.content.splitlines()))
        if message.role == "user"
        else message
        for message in talk
    ]
