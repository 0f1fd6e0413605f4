"""The persona and mood of each server, and of each channel of direct messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

import aiosqlite

from bot.database import Database
from bot.llm.personas import Character, Persona, PersonaError, load_persona
from bot.mood_following import NamedMoods
from config import spelling

_log = logging.getLogger(__name__)

Listener = Callable[[int, Character], None]
"""Gets a scope (see :class:`Characters`) and its new character. Must neither block nor raise."""


class UnknownChoiceError(ValueError):
    """There is no persona or mood with this name. The text lists the valid names."""


class HasId(Protocol):
    """A server or a channel."""

    @property
    def id(self) -> int:
        """Its id on Discord."""
        ...


def scope_at(server: HasId | None, channel: HasId | None) -> int:
    """The scope (see :class:`Characters`) of a channel of a server, or of direct messages (``None`` as the server)."""
    where = server if server is not None else channel
    return where.id if where is not None else 0


class Characters:
    """The persona and mood of each scope, for text chat and calls. Made by :meth:`open`. Not thread-safe.

    A scope is a server's id, or the channel's id for direct messages. The choices are stored in the database.

    Args:
        personas: all personas, by file name.
        default: the file name of the persona for scopes without a choice.
        choices: the stored persona and mood of each scope.
        follow_model: whether the moods that the model names in its answers move the mood of a scope.
        own_defaults: the file names of personas for scopes that have a default of their own.
    """

    def __init__(
        self,
        database: Database,
        personas: Mapping[str, Persona],
        default: str,
        choices: Mapping[int, tuple[str, str]],
        *,
        follow_model: bool = False,
        own_defaults: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        self._own_defaults = own_defaults
        self._database = database
        self._personas = personas
        self._default = default
        self._choices = dict(choices)
        self._listeners: set[Listener] = set()
        self._follow_model = follow_model
        self._named = NamedMoods()

    @classmethod
    async def open(
        cls,
        database: Database,
        folder: Path,
        default: str,
        *,
        follow_model: bool = False,
        own_defaults: Mapping[int, str] = MappingProxyType({}),
    ) -> Self:
        """Read all personas in ``folder``, and the stored choices. Invalid personas are logged and left out.

        Raises:
            PersonaError: the default persona can't be used.
            aiosqlite.Error: the choices can't be read.
        """
        personas = await asyncio.to_thread(_load_all, folder, default)
        rows = await database.rows("SELECT place, persona, mood FROM chat_character")
        choices = {scope: (persona, mood) for scope, persona, mood in rows}
        return cls(database, personas, default, choices, follow_model=follow_model, own_defaults=own_defaults)

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All personas, by file name."""
        return self._personas

    @property
    def titles(self) -> list[str]:
        """The title of each persona; see :meth:`title`."""
        return [self.title(file) for file in self._personas]

    def title(self, file: str) -> str:
        """A persona's name, and its file name in brackets if that is different: "Kobi (`helper`)"."""
        return persona_title(file, self._personas[file])

    @property
    def default(self) -> Character:
        """The character of scopes without a choice."""
        return self._character(self._default, "")

    def at(self, scope: int) -> Character:
        """The character (persona and mood) of a scope."""
        file, mood = self._choices.get(scope, (self._own_defaults.get(scope, self._default), ""))
        return self._character(file if file in self._personas else self._default, mood)

    def _character(self, file: str, mood: str) -> Character:
        persona = self._personas[file]
        usual = mood if mood in persona.moods else persona.default_mood
        return Character(file, persona, usual, names_moods=self._follow_model and len(persona.moods) > 1)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` at every change, until the returned function is called."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def choose_persona(self, scope: int, name: str) -> Character:
        """Choose a persona for a scope, by its name or file name. The mood becomes its default mood.

        Raises:
            UnknownChoiceError: there is no such persona.
            aiosqlite.Error: the choice can't be stored; nothing has changed.
        """
        file = self._file_called(name)
        if file is None:
            names = {known: file for file, persona in self._personas.items() for known in (file, *persona.names)}
            near = spelling.nearest(name, names) or spelling.only_containing(name, self._personas)
            meant = f" Did you mean {self.title(names.get(near, near))}?" if near is not None else ""
            titles = ", ".join(self.titles)
            raise UnknownChoiceError(f"There is no persona with that name.{meant} Choose one of these: {titles}.")
        return await self._keep(scope, self._character(file, ""))

    async def choose_mood(self, scope: int, name: str) -> Character:
        """Choose a mood for a scope.

        Raises:
            UnknownChoiceError: the persona has no such mood.
            aiosqlite.Error: the choice can't be stored; nothing has changed.
        """
        now = self.at(scope)
        wanted = name.strip().casefold()
        mood = next((mood for mood in now.persona.moods if mood.casefold() == wanted), None)
        if mood is None:
            near = spelling.nearest(name, now.persona.moods) or spelling.only_containing(name, now.persona.moods)
            meant = f" Did you mean `{near}`?" if near is not None else ""
            moods = ", ".join(now.persona.moods)
            raise UnknownChoiceError(
                f"{now.persona.name} has no mood with that name.{meant} Choose one of these: {moods}."
            )
        return await self._keep(scope, self._character(now.file, mood))

    def mood_after(self, scope: int, named: str) -> str | None:
        """The mood that a scope gets from an answer that names the mood ``named``; ``None`` if its mood stays.

        Nothing changes before :meth:`answered`.
        """
        now = self.at(scope)
        return self._named.after(scope, now.persona, now.mood, named) if now.names_moods else None

    async def answered(self, scope: int, named: str | None) -> None:
        """Note the mood that was named in an answer that people heard or read; ``None`` if the answer named none.

        The mood of the scope may move. It moves at once, so that the next answer has it however slow the disk is. Never
        raises: if the new mood can't be stored, the failure is logged, and the mood lasts until the next start.
        """
        now = self.at(scope)
        moved = self._named.note(scope, now.persona, now.mood, named) if now.names_moods else None
        if moved is None:
            return
        character = self._character(now.file, moved)
        self._use(scope, character)
        _log.info("The model's answers have moved the mood of %s from %s to %s", now.file, now.mood, moved)
        try:
            await self._store(scope, character)
        except aiosqlite.Error as error:
            _log.warning("The model's mood %r lasts only until the next start: %s", moved, error)

    def chosen(self, scope: int) -> tuple[str, str] | None:
        """The file name of the persona and the mood that were chosen for a scope; ``None`` if nothing was chosen."""
        return self._choices.get(scope)

    async def forget(self, scope: int) -> bool:
        """Delete the choice for a scope, which has the usual character from now on. Returns False if there was none.

        Raises:
            aiosqlite.Error: the choice can't be deleted; nothing has changed.
        """
        deleted = await self._database.write("DELETE FROM chat_character WHERE place = ?", scope)
        self._choices.pop(scope, None)
        self._named.forget(scope)
        for listener in tuple(self._listeners):
            listener(scope, self.at(scope))
        return bool(deleted)

    def _file_called(self, name: str) -> str | None:
        wanted = spelling.comparable(name)
        by_file = (file for file in self._personas if spelling.comparable(file) == wanted)
        by_name = (file for file, persona in self._personas.items() if spelling.comparable(persona.name) == wanted)
        return next(by_file, None) or next(by_name, None)

    async def _keep(self, scope: int, character: Character) -> Character:
        await self._store(scope, character)
        self._use(scope, character)
        return character

    async def _store(self, scope: int, character: Character) -> None:
        statement = "INSERT OR REPLACE INTO chat_character VALUES (?, ?, ?)"
        await self._database.write(statement, scope, character.file, character.mood)

    def _use(self, scope: int, character: Character) -> None:
        self._choices[scope] = (character.file, character.mood)
        self._named.forget(scope)
        for listener in tuple(self._listeners):
            listener(scope, character)


class LocalCharacter:
    """The persona and mood of one scope: a view of :class:`Characters`."""

    def __init__(self, characters: Characters, scope: int) -> None:
        self._characters = characters
        self._scope = scope

    @property
    def personas(self) -> Mapping[str, Persona]:
        """All personas, by file name."""
        return self._characters.personas

    @property
    def titles(self) -> list[str]:
        """The title of each persona; see :meth:`Characters.title`."""
        return self._characters.titles

    def now(self) -> Character:
        """The character (persona and mood) of the scope."""
        return self._characters.at(self._scope)

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` at every change of this scope, until the returned function is called."""
        return self._characters.watch(lambda scope, _: listener() if scope == self._scope else None)

    async def choose_persona(self, name: str) -> Character:
        """Choose a persona by its name or file name; raises the errors of :meth:`Characters.choose_persona`."""
        return await self._characters.choose_persona(self._scope, name)

    async def choose_mood(self, name: str) -> Character:
        """Choose a mood; raises the errors of :meth:`Characters.choose_mood`."""
        return await self._characters.choose_mood(self._scope, name)

    def mood_after(self, named: str) -> str | None:
        """The mood that the scope gets from an answer that names the mood ``named``; ``None`` if its mood stays."""
        return self._characters.mood_after(self._scope, named)

    async def answered(self, named: str | None) -> None:
        """Note the mood that was named in an answer that people heard or read; see :meth:`Characters.answered`."""
        await self._characters.answered(self._scope, named)


def persona_text(character: Character) -> str:
    """The text that confirms the choice of a persona."""
    return f"🎭 From now on I am {persona_title(character.file, character.persona)}, and {character.mood}."


def moods_text(character: Character) -> str:
    """The text that shows the mood, the moods that can be chosen, and whether the model may move it."""
    moods = ", ".join(f"`{mood}`" for mood in character.persona.moods)
    follows = " My answers may move it, too." if character.names_moods else ""
    return f"💭 {character.persona.name} is {character.mood}. You can choose from: {moods}.{follows}"


def mood_text(character: Character) -> str:
    """The text that confirms the choice of a mood."""
    return f"💭 {character.persona.name} is {character.mood} now."


def persona_title(file: str, persona: Persona) -> str:
    """A persona's name, and its file name in brackets if that is different: "Kobi (`helper`)"."""
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
