"""Who answers where: the persona and the mood of each server, and of each person's direct messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.database import Database
from bot.llm.personas import Persona, PersonaError, load_persona
from bot.replying import AnyMessage

_log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chat_character (
    place INTEGER PRIMARY KEY, persona TEXT NOT NULL, mood TEXT NOT NULL
) STRICT;
"""


class UnknownChoiceError(ValueError):
    """There is no persona or mood of that name; the text names those there are."""


@dataclass(frozen=True, slots=True)
class Character:
    """A persona in a mood; ``file`` is the persona's file name without ``.yaml``."""

    file: str
    persona: Persona
    mood: str


def place_of(message: AnyMessage) -> int:
    """What a character belongs to: the server's id, or the channel's in direct messages."""
    return message.guild.id if message.guild else message.channel.id


class Characters:
    """The choices, kept over restarts. Methods may raise :class:`aiosqlite.Error`. Made by :meth:`open`.

    Args:
        personas: all there are, by file name.
        default: the one for places where nobody has chosen.
    """

    def __init__(self, database: Database, personas: Mapping[str, Persona], default: str) -> None:
        self._database = database
        self._personas = personas
        self._default = default

    @classmethod
    async def open(cls, database: Database, folder: Path, default: str) -> Self:
        """Read every persona in ``folder``; a malformed one is logged and left out.

        Raises:
            PersonaError: the default one can't be used.
        """
        await database.prepare(_SCHEMA)
        personas = await asyncio.to_thread(_load_all, folder, default)
        return cls(database, personas, default)

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All personas, by file name."""
        return self._personas

    async def at(self, place: int) -> Character:
        """Who answers there, and how they feel."""
        row = await self._database.row("SELECT persona, mood FROM chat_character WHERE place = ?", place)
        file, mood = row or (self._default, "")
        if file not in self._personas:
            file = self._default
        persona = self._personas[file]
        return Character(file, persona, mood if mood in persona.moods else persona.default_mood)

    async def choose_persona(self, place: int, file: str) -> Character:
        """Let another persona answer there, in its own first mood.

        Raises:
            UnknownChoiceError: there is none.
        """
        persona = self._personas.get(file)
        if persona is None:
            raise UnknownChoiceError(f"I know no persona of that name. There are: {', '.join(self._personas)}.")
        return await self._keep(place, Character(file, persona, persona.default_mood))

    async def choose_mood(self, place: int, mood: str) -> Character:
        """Change how who answers there feels.

        Raises:
            UnknownChoiceError: they are never in that mood.
        """
        now = await self.at(place)
        if mood not in now.persona.moods:
            moods = ", ".join(now.persona.moods)
            raise UnknownChoiceError(f"{now.persona.name} is never in that mood. There are: {moods}.")
        return await self._keep(place, Character(now.file, now.persona, mood))

    async def _keep(self, place: int, character: Character) -> Character:
        statement = "INSERT OR REPLACE INTO chat_character VALUES (?, ?, ?)"
        await self._database.write(statement, place, character.file, character.mood)
        return character


def _load_all(folder: Path, default: str) -> dict[str, Persona]:
    personas = {default: load_persona(default, folder)}
    for file in sorted(folder.glob("*.yaml")):
        try:
            personas.setdefault(file.stem, load_persona(file.stem, folder))
        except PersonaError as error:
            _log.warning("A persona is left out: %s", error)
    return personas
