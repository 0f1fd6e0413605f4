"""Who the bot is where: the persona and the mood of each server, and of each person's direct messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from bot.database import Database
from bot.llm.personas import Character, Persona, PersonaError, load_persona
from config import spelling

_log = logging.getLogger(__name__)

Listener = Callable[[int, Character], None]
"""Told the place and who answers there from now on; must neither block nor raise."""


class UnknownChoiceError(ValueError):
    """There is no persona or mood of that name; the text names those there are."""


class Characters:
    """The choices, kept over restarts; what is written and what is said aloud both follow them. Made by :meth:`open`.

    A place is a server's id, or the channel's in direct messages. Belongs to the event loop.

    Args:
        personas: all there are, by file name.
        default: the one for places where nobody has chosen.
        choices: persona and mood by place, as they were kept.
    """

    def __init__(
        self, database: Database, personas: Mapping[str, Persona], default: str, choices: Mapping[int, tuple[str, str]]
    ) -> None:
        self._database = database
        self._personas = personas
        self._default = default
        self._choices = dict(choices)
        self._listeners: set[Listener] = set()

    @classmethod
    async def open(cls, database: Database, folder: Path, default: str) -> Self:
        """Read every persona in ``folder`` and what was chosen; a malformed persona is logged and left out.

        Raises:
            PersonaError: the default one can't be used.
            aiosqlite.Error: the choices can't be read.
        """
        personas = await asyncio.to_thread(_load_all, folder, default)
        rows = await database.rows("SELECT place, persona, mood FROM chat_character")
        return cls(database, personas, default, {place: (persona, mood) for place, persona, mood in rows})

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All personas, by file name."""
        return self._personas

    @property
    def titles(self) -> list[str]:
        """What each persona is called and chosen by, as :meth:`title` has it."""
        return [self.title(file) for file in self._personas]

    def title(self, file: str) -> str:
        """A persona's name and, in brackets, its file's, where that is another: "Kobi (`helper`)"."""
        return _title(file, self._personas[file])

    @property
    def default(self) -> Character:
        """Who answers where nobody has chosen."""
        persona = self._personas[self._default]
        return Character(self._default, persona, persona.default_mood)

    def at(self, place: int) -> Character:
        """Who answers there, and how they feel."""
        file, mood = self._choices.get(place, (self._default, ""))
        if file not in self._personas:
            file = self._default
        persona = self._personas[file]
        return Character(file, persona, mood if mood in persona.moods else persona.default_mood)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` told of every change; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def choose_persona(self, place: int, name: str) -> Character:
        """Let another persona answer there, in its own first mood; ``name`` is its file's or its own.

        Raises:
            UnknownChoiceError: there is none.
            aiosqlite.Error: the choice can't be kept; nothing has changed.
        """
        file = self._file_called(name)
        if file is None:
            names = {known: file for file, persona in self._personas.items() for known in (file, *persona.names)}
            near = spelling.nearest(name, names) or spelling.begun(name, self._personas)
            meant = f" Did you mean {self.title(names.get(near, near))}?" if near is not None else ""
            titles = ", ".join(self.titles)
            raise UnknownChoiceError(f"There is no persona with that name.{meant} Choose one of these: {titles}.")
        persona = self._personas[file]
        return await self._keep(place, Character(file, persona, persona.default_mood))

    async def choose_mood(self, place: int, name: str) -> Character:
        """Change how who answers there feels.

        Raises:
            UnknownChoiceError: they are never in that mood.
            aiosqlite.Error: the choice can't be kept; nothing has changed.
        """
        now = self.at(place)
        wanted = name.strip().casefold()
        mood = next((mood for mood in now.persona.moods if mood.casefold() == wanted), None)
        if mood is None:
            near = spelling.nearest(name, now.persona.moods) or spelling.begun(name, now.persona.moods)
            meant = f" Did you mean `{near}`?" if near is not None else ""
            moods = ", ".join(now.persona.moods)
            raise UnknownChoiceError(
                f"{now.persona.name} has no mood with that name.{meant} Choose one of these: {moods}."
            )
        return await self._keep(place, Character(now.file, now.persona, mood))

    def _file_called(self, name: str) -> str | None:
        wanted = spelling.comparable(name)
        by_file = (file for file in self._personas if spelling.comparable(file) == wanted)
        by_name = (file for file, persona in self._personas.items() if spelling.comparable(persona.name) == wanted)
        return next(by_file, None) or next(by_name, None)

    async def _keep(self, place: int, character: Character) -> Character:
        statement = "INSERT OR REPLACE INTO chat_character VALUES (?, ?, ?)"
        await self._database.write(statement, place, character.file, character.mood)
        self._choices[place] = (character.file, character.mood)
        for listener in tuple(self._listeners):
            listener(place, character)
        return character


class LocalCharacter:
    """Who the bot is at one place: :class:`Characters` for somebody who knows no other place."""

    def __init__(self, characters: Characters, place: int) -> None:
        self._characters = characters
        self._place = place

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All that there are to choose from, by file name."""
        return self._characters.personas

    def now(self) -> Character:
        """Who answers here, and how they feel."""
        return self._characters.at(self._place)

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` told of every change here; returns what ends that."""
        return self._characters.watch(lambda place, _: listener() if place == self._place else None)

    async def choose_persona(self, name: str) -> Character:
        """As :meth:`Characters.choose_persona`."""
        return await self._characters.choose_persona(self._place, name)

    async def choose_mood(self, name: str) -> Character:
        """As :meth:`Characters.choose_mood`."""
        return await self._characters.choose_mood(self._place, name)


def persona_word(character: Character) -> str:
    """What is written where another persona was chosen."""
    return f"🎭 From now on I am {_title(character.file, character.persona)}, and {character.mood}."


def mood_word(character: Character) -> str:
    """What is written where another mood was chosen."""
    return f"💭 {character.persona.name} is {character.mood} now."


def _title(file: str, persona: Persona) -> str:
    same = spelling.comparable(file) == spelling.comparable(persona.name)
    return persona.name if same else f"{persona.name} (`{file}`)"


def _load_all(folder: Path, default: str) -> dict[str, Persona]:
    personas = {default: load_persona(default, folder)}
    for file in sorted(folder.glob("*.yaml")):
        try:
            personas.setdefault(file.stem, load_persona(file.stem, folder))
        except PersonaError as error:
            _log.warning("A persona file is skipped: %s", error)
    return personas
