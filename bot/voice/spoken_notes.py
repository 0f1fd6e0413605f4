"""Begins and ends the notes of a call when people ask for it aloud."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from bot.voice.listening_notice import NOTES_ALREADY_OFF, NOTES_ALREADY_ON
from bot.voice.ports import CommandReciter
from bot.voice.records.note_taking import NotesError
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand

_log = logging.getLogger(__name__)

FAILED = "Sorry, I can't change that now."


class NoteControl(Protocol):
    """Begins and ends notes; see :class:`~bot.voice.records.note_taking.NoteTaking`."""

    @property
    def on(self) -> bool:
        """Whether notes are taken, or are being announced."""
        ...

    async def start(self, asked_by: str) -> None:
        """Announce notes and begin; raises :class:`~bot.voice.records.note_taking.NotesError`."""
        ...

    async def finish(self) -> None:
        """Take no further lines, and tell everybody."""
        ...


class SpokenNotes:
    """Carries out wishes about notes, one after another. :meth:`run` runs during the whole call.

    Args:
        recite: speaks a text, as the answer to a command.
    """

    def __init__(self, notes: NoteControl, recite: CommandReciter) -> None:
        self._notes = notes
        self._recite = recite
        self._requests: asyncio.Queue[SpokenCommand] = asyncio.Queue()

    def request(self, command: SpokenCommand) -> None:
        """Queue a wish. The person's right to have notes begun or ended was checked before."""
        self._requests.put_nowait(command)

    async def run(self) -> None:
        """Carry out wishes until cancelled."""
        while True:
            command = await self._requests.get()
            try:
                await self._carry_out(command)
            except NotesError as error:
                self._recite(command, str(error))
            except Exception:
                # For example, the announcement could not be posted in the prompt channel.
                _log.exception("%s asked aloud to begin or end notes, and that failed", command.author)
                self._recite(command, FAILED)

    async def _carry_out(self, command: SpokenCommand) -> None:
        wanted = command.kind is VoiceCommand.NOTES_ON
        if wanted is self._notes.on:
            self._recite(command, NOTES_ALREADY_ON if wanted else NOTES_ALREADY_OFF, may_be_left_out=True)
        elif wanted:
            await self._notes.start(command.author)
        else:
            await self._notes.finish()
