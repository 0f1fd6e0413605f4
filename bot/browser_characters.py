"""Persona and mood of browser calls: shows them on the page, and changes them from there."""

from __future__ import annotations

from collections.abc import Callable

import aiosqlite

from bot.characters import LocalCharacter, UnknownChoiceError, mood_text, moods_text, persona_text
from bot.user_error import UserError
from bot.voice.browser.server_messages import PersonaChoice, PersonaShown

NOT_SAVED = "❌ I can't change now: my database can't be written."


class BrowserCharacters:
    """Shows and changes the persona and mood of browser calls. Use it only on the event loop.

    Args:
        character: the persona and mood of browser calls.
    """

    def __init__(self, character: LocalCharacter) -> None:
        self._character = character

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` at every change, until the returned function is called."""
        return self._character.watch(listener)

    def message(self) -> PersonaShown:
        """The message that tells a client which persona speaks, and which others there are."""
        now, personas = self._character.now(), self._character.personas
        choices = tuple(PersonaChoice(file, persona.name) for file, persona in personas.items())
        return PersonaShown(now.file, now.persona.name, choices)

    async def persona(self, name: str) -> str:
        """Choose a persona by its name or id. With an empty name, nothing changes. Returns the text for the person.

        Raises:
            UserError: there is no such persona, or the choice can't be saved.
        """
        if not name:
            titles = ", ".join(self._character.titles)
            return f"🎭 I am {self._character.now().persona.name}. You can choose from: {titles}."
        try:
            return persona_text(await self._character.choose_persona(name))
        except UnknownChoiceError as error:
            raise UserError(f"❌ {error}") from error
        except aiosqlite.Error as error:
            raise UserError(NOT_SAVED) from error

    async def mood(self, name: str) -> str:
        """Choose a mood. With an empty name, nothing changes. Returns the text for the person.

        Raises:
            UserError: the persona has no such mood, or the choice can't be saved.
        """
        if not name:
            return moods_text(self._character.now())
        try:
            return mood_text(await self._character.choose_mood(name))
        except UnknownChoiceError as error:
            raise UserError(f"❌ {error}") from error
        except aiosqlite.Error as error:
            raise UserError(NOT_SAVED) from error
