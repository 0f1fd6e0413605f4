"""Music in calls: one player for each call, which ends with it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

from bot.music.decoding import DecodedMusic, Source
from bot.music.library import MusicLibrary, Piece
from bot.music.live import source_decoding
from bot.music.player import MusicPlayer
from bot.music.titles import TitleIndex
from bot.music.web_music import WebMusic
from bot.voice.call import Call
from bot.voice.mixing.stream import Channel

LOUDNESS_FOLDER = "loudness"
"""Folder in CACHE_DIR with the measured loudness of music."""


class MusicService:
    """Makes a call's player when it is needed. Use it on the event loop.

    Args:
        folder: the operator's music; ``None`` if there is none.
        cache: the folder for files that can be made again.

    Attributes:
        web: makes pieces from web addresses.
    """

    def __init__(self, folder: Path | None, cache: Path, web: WebMusic | None = None) -> None:
        self.web = web or WebMusic()
        self._library = MusicLibrary(folder) if folder is not None else None
        self._store = cache / LOUDNESS_FOLDER
        self._players: dict[str, MusicPlayer] = {}

    @property
    def has_library(self) -> bool:
        """Whether the operator has named a folder with music."""
        return self._library is not None

    def player(self, call: Call[Any]) -> MusicPlayer | None:
        """The player of a call, if it has one."""
        return self._players.get(call.id)

    def require_player(self, call: Call[Any], volume: float) -> MusicPlayer:
        """The player of a call, which is made now if it has none.

        Args:
            volume: the volume of music, 0 to 2.

        Raises:
            UserError: the call is being closed.
        """
        player = self.player(call)
        if player is None:
            player = MusicPlayer(call.mixer, self.decoding, call.tell)
            call.when_closed(partial(self._close, call.id))
            call.mixer.set_volume(Channel.MUSIC, volume)
            self._players[call.id] = player
        return player

    def decoding(self, source: Source) -> AbstractAsyncContextManager[DecodedMusic]:
        """Decode a piece; see :func:`~bot.music.live.source_decoding`."""
        return source_decoding(source, self._store)

    async def _close(self, call: str) -> None:
        await self._players.pop(call).close()

    async def find(self, name: str) -> Piece:
        """The piece of this name; raises :class:`~bot.music.library.NotFoundInLibraryError`."""
        if self._library is None:
            raise RuntimeError("MUSIC_DIR is not set")
        return await asyncio.to_thread(self._library.find, name)

    @property
    def titles(self) -> TitleIndex:
        """The titles that were there when the folder was read last. Does not read the disk."""
        return self._library.index if self._library is not None else TitleIndex()

    async def search(self, words: str) -> list[Piece]:
        """The pieces whose titles contain all words."""
        return await asyncio.to_thread(self._library.search, words) if self._library is not None else []
