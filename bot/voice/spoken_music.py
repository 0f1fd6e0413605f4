"""Plays and controls music when people ask for it aloud in a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.music_words import MusicTitles
from bot.voice.utterances.voice_commands import VoiceCommand

_log = logging.getLogger(__name__)

FAILED = "Sorry, I can't do that now."
NO_MUSIC = "There is no music here."
MAX_WAITING = 5
"""Maximum number of requests that wait until they are begun. Further ones are dropped."""


class MusicRefusedError(Exception):
    """A request can't be carried out. The text says why, in words that can be spoken."""


class SpokenMusicControl(Protocol):
    """Carries out requests about music in calls."""

    def titles(self) -> MusicTitles:
        """The titles of the pieces that can be played, as :meth:`look` has last found them. This reads no disk."""
        ...

    async def look(self) -> None:
        """Look which pieces there are."""
        ...

    async def carry_out(self, call: str, command: VoiceCommand, title: str) -> str:
        """Carry out a request in the call with this id. Returns a line for the prompt channel, or an empty text.

        Raises:
            MusicRefusedError: it can't be carried out.
        """
        ...


class SpokenMusic:
    """Carries out requests about music. :meth:`run` runs during the whole call.

    What was done is written, and not said: nobody wants to hear "paused" when they wanted silence. What can't be done
    is said.

    Args:
        control: carries out the requests; ``None`` if there is no music.
        call: id of the call.
        tell: writes a line into the prompt channel.
        recite: speaks a text, as the answer to a command.
    """

    def __init__(
        self,
        control: SpokenMusicControl | None,
        call: str,
        tell: Callable[[str], None],
        recite: Callable[[SpokenCommand, str], None],
    ) -> None:
        self._control = control
        self._call = call
        self._tell = tell
        self._recite = recite
        self._requests: asyncio.Queue[SpokenCommand] = asyncio.Queue(MAX_WAITING)

    def request(self, command: SpokenCommand) -> None:
        """Queue a request. The person's right to make it was checked before."""
        try:
            self._requests.put_nowait(command)
        except asyncio.QueueFull:
            _log.warning("A request about music is dropped, because too many wait")

    async def run(self) -> None:
        """Carry out requests until cancelled."""
        await self._look()
        async with asyncio.TaskGroup() as tasks:
            while True:
                command = await self._requests.get()
                # A piece may take a while to open, and must not hold up the wish to end the music.
                tasks.create_task(self._carry_out(command), name="call: a request about music")

    async def _look(self) -> None:
        try:
            if self._control is not None:
                await self._control.look()
        except Exception:
            _log.exception("The folder of music could not be read. Pieces can't be asked for aloud by their titles")

    async def _carry_out(self, command: SpokenCommand) -> None:
        if self._control is None:
            self._recite(command, NO_MUSIC)
            return
        try:
            done = await self._control.carry_out(self._call, command.kind, command.choice)
        except MusicRefusedError as error:
            self._recite(command, str(error))
        except Exception:
            # Whatever the error is, the call goes on.
            _log.exception("%s asked aloud for music and did not get it", command.author)
            self._recite(command, FAILED)
        else:
            if done:
                self._tell(done)
