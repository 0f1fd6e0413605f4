"""The sound board: plays short sounds in calls, and keeps the folder of sounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bot.music.call_sounds import MAX_SECONDS, CallSounds
from bot.music.decoding import MusicError, decoding
from bot.music.lengths import SoundLengths
from bot.music.library import Piece, shown_title
from bot.music.service import LOUDNESS_FOLDER
from bot.music.sound_folder import MAX_MB, TOO_LARGE, SoundFolder, sound_ending, sound_name
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.mixing.stream import Channel

NO_FOLDER = "❌ I have no sounds here (nobody has set SOUNDS_DIR)."


class SoundBoard:
    """Plays sounds in calls, and keeps the folder of sounds. Use it on the event loop.

    A method that can't do what it should raises :class:`~bot.user_error.UserError` with a text for people, also if
    there is no folder. Only :meth:`search` and :meth:`removable` return nothing then, and :meth:`stop` never raises.
    A server is named by its id; 0 stands for the page, which has only the sounds that are for all servers.

    Args:
        folder: the operator's sounds; ``None`` if there are none.
        cache: the folder for files that can be made again.
        volume_at: returns the volume of sounds in a place, 0 to 2.
    """

    def __init__(self, folder: Path | None, cache: Path, volume_at: Callable[[int], Awaitable[float]]) -> None:
        self._folder = SoundFolder(folder) if folder is not None else None
        self._open = partial(decoding, store=cache / LOUDNESS_FOLDER, max_seconds=MAX_SECONDS)
        self._volume_at = volume_at
        self._changing = asyncio.Lock()
        self._lengths = SoundLengths()
        self._playing: dict[str, CallSounds] = {}

    @property
    def has_folder(self) -> bool:
        """Whether the operator has named a folder for sounds."""
        return self._folder is not None

    async def play(self, call: Call[Any], name: str) -> str:
        """Play a sound in a call, over everything else. Returns its name when it begins."""
        sound = await asyncio.to_thread(self._require().find, name, call.server)
        volume = await self._volume_at(call.server)
        sounds = self._sounds(call)
        call.mixer.set_volume(Channel.EFFECTS, volume)
        try:
            await sounds.play(sound.path)
        except MusicError as error:
            raise UserError(f"❌ {shown_title(sound.title)}: {error}") from error
        return sound.title

    def stop(self, call: Call[Any]) -> bool:
        """Fade out all sounds of a call. Returns whether there were any."""
        sounds = self._playing.get(call.id)
        return sounds is not None and sounds.stop()

    async def sounds(self, server: int) -> list[Piece]:
        """The sounds that can be played on a server, by name. Those that are known to be too long are left out."""
        return await self._short(await asyncio.to_thread(self._require().sounds, server))

    async def search(self, words: str, server: int) -> list[Piece]:
        """The sounds of a server whose names contain all words. There are none if there is no folder."""
        if self._folder is None:
            return []
        return await self._short(await asyncio.to_thread(self._folder.search, words, server))

    async def removable(self, words: str, server: int, *, owner: bool) -> list[Piece]:
        """The sounds whose names contain all words and that :meth:`remove` would delete."""
        if self._folder is None:
            return []
        return await asyncio.to_thread(self._folder.removable, words, server, owner=owner)

    async def _short(self, sounds: Sequence[Piece]) -> list[Piece]:
        lengths = await self._lengths.of([sound.path for sound in sounds])
        return [sound for sound, seconds in zip(sounds, lengths, strict=True) if (seconds or 0.0) <= MAX_SECONDS]

    async def check(self, name: str, filename: str, server: int) -> None:
        """Check that a file of this name may be added as a sound, before its content is there."""
        folder = self._require()
        sound_ending(filename)
        await asyncio.to_thread(folder.require_room, sound_name(name), server)

    async def add(self, name: str, filename: str, data: bytes, server: int) -> str:
        """Add a sound of a server to the folder, if it can be played. Returns its name.

        Args:
            filename: says by its ending what the file is.
        """
        folder, title, ending = self._require(), sound_name(name), sound_ending(filename)
        if len(data) > MAX_MB * 1024**2:
            raise UserError(TOO_LARGE.format(name=shown_title(filename)))

        async def content() -> bytes:
            return data

        async with self._changing:
            try:
                # To open it, all of it is decoded and measured.
                async with self._open(content):
                    pass
            except MusicError as error:
                raise UserError(f"❌ {shown_title(filename)}: {error}") from error
            await asyncio.to_thread(folder.add, title, ending, data, server)
        return title

    async def remove(self, name: str, server: int, *, owner: bool) -> str:
        """Delete the sound whose whole name is this one. Returns the name as the folder has it.

        Args:
            owner: whether the person may delete sounds that are for all servers.
        """
        async with self._changing:
            return await asyncio.to_thread(self._require().remove, name, server, owner=owner)

    def _require(self) -> SoundFolder:
        if self._folder is None:
            raise UserError(NO_FOLDER)
        return self._folder

    def _sounds(self, call: Call[Any]) -> CallSounds:
        """The sounds of a call."""
        sounds = self._playing.get(call.id)
        if sounds is None:
            sounds = CallSounds(call.mixer, self._open)
            call.when_closed(partial(self._close, call.id))
            self._playing[call.id] = sounds
        return sounds

    async def _close(self, call: str) -> None:
        await self._playing.pop(call).close()
