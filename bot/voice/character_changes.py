"""Changes the bot's mood and persona when people ask for it aloud in a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiosqlite

from bot.characters import LocalCharacter, UnknownChoiceError, mood_text, persona_text
from bot.voice.ports import CommandReciter
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand

_log = logging.getLogger(__name__)

AGREED = "Okay."
"""Confirmation that is spoken in the new mood or persona."""
FAILED = "Sorry, I can't change now."


class CharacterChanges:
    """Changes persona and mood, one request after another. :meth:`run` runs during the whole call.

    Args:
        character: the bot's persona and mood in the place where the call is held.
        tell: writes a line into the prompt channel.
        recite: speaks a text, as the answer to a command.
    """

    def __init__(self, character: LocalCharacter, tell: Callable[[str], None], recite: CommandReciter) -> None:
        self._character = character
        self._tell = tell
        self._recite = recite
        self._requests: asyncio.Queue[SpokenCommand] = asyncio.Queue()

    def request(self, command: SpokenCommand) -> None:
        """Queue the change that a command asks for. The person's right to give the command was checked before."""
        self._requests.put_nowait(command)

    async def run(self) -> None:
        """Carry out queued changes until cancelled."""
        while True:
            command = await self._requests.get()
            try:
                text = await self._change(command)
            except (UnknownChoiceError, aiosqlite.Error) as error:
                _log.warning(
                    "%s asked for the %s %r and did not get it: %s",
                    command.author,
                    command.kind,
                    command.choice,
                    error,
                )
                self._recite(command, FAILED)
            else:
                self._tell(text)
                self._recite(command, AGREED, may_be_left_out=True)

    async def _change(self, command: SpokenCommand) -> str:
        if command.kind is VoiceCommand.PERSONA:
            return persona_text(await self._character.choose_persona(command.choice))
        return mood_text(await self._character.choose_mood(command.choice))
