"""The ambience of personas: a piece of music that is played again and again, quietly, beneath the call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from bot.characters import LocalCharacter
from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.music.library import NotFoundInLibraryError
from bot.music.service import MusicService
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import AMBIENCE_SHARE, Channel, MixedStream
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
"""A piece of at most this length is decoded once in a call and kept (12 MB). A longer one is decoded each time."""

NO_LIBRARY = "there is no music, since MUSIC_DIR is not set"
NO_SOUND = "it has no sound"


class Ambience:
    """Plays the ambience of the persona that speaks in a call. Use it on the event loop.

    Args:
        volume_at: returns the volume of music in a place, 0 to 2. Ambience is quieter by a fixed share.
        open_source: decodes a piece; see :func:`~bot.music.decoding.decoding`.
    """

    def __init__(
        self,
        music: MusicService,
        volume_at: Callable[[int], Awaitable[float]],
        open_source: Callable[[Source], AbstractAsyncContextManager[DecodedMusic]],
    ) -> None:
        self._music = music
        self._volume_at = volume_at
        self._open = open_source
        self._told: set[str] = set()

    async def run(self, mixer: Mixer, character: LocalCharacter, place: int) -> None:
        """Play the ambience of a call; see :class:`~bot.voice.ambience.AmbiencePlayer`."""
        changed = asyncio.Event()
        stop_watching = character.watch(changed.set)
        wanted, playing = "", None
        try:
            while True:
                changed.clear()
                if (name := character.now().persona.ambience or "") != wanted:
                    wanted = name
                    await _end(playing)
                    playing = asyncio.create_task(self._play(mixer, place, name), name="ambience") if name else None
                await changed.wait()
        finally:
            stop_watching()
            await _end(playing)

    async def _play(self, mixer: Mixer, place: int, name: str) -> None:
        room, loop = asyncio.Event(), asyncio.get_running_loop()

        def changed() -> None:
            # When a call ends, its event loop may be closed while the sending thread still has a frame.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(room.set)

        stream = MixedStream(Channel.AMBIENCE, changed)
        try:
            if not self._music.has_library:
                raise MusicError(NO_LIBRARY)
            piece = await self._music.find(name)
            mixer.set_volume(Channel.AMBIENCE, AMBIENCE_SHARE * await self._volume_at(place))
            mixer.add(stream)
            await self._repeat(stream, room, piece.path)
        except (MusicError, NotFoundInLibraryError) as error:
            if name not in self._told:
                self._told.add(name)
                _log.warning("The ambience %r of a persona can't be played: %s", name, str(error).lstrip("❌❓ "))
        except Exception:
            _log.exception("The ambience %r of a persona can't be played", name)
        finally:
            stream.stop()

    async def _repeat(self, stream: MixedStream, room: asyncio.Event, source: Source) -> None:
        """Write the frames of a piece again and again, as fast as they are played.

        A short piece begins when all of it is there: its decoder may take longer to end than the piece to play.
        """
        kept: list[bytes] = []
        while not kept:
            count = 0
            async with self._open(source) as music:
                keep = music.seconds <= KEPT_SECONDS
                async for frame in music.frames():
                    count += 1
                    if keep:
                        kept.append(frame)
                    else:
                        await _write(stream, room, frame)
            if not count:
                raise MusicError(NO_SOUND)
        while True:
            for frame in kept:
                await _write(stream, room, frame)


async def _write(stream: MixedStream, room: asyncio.Event, frame: bytes) -> None:
    while stream.full:
        room.clear()
        # The stream may have got room just before the event was cleared.
        if stream.full:
            await room.wait()
    stream.write(frame)


async def _end(playing: asyncio.Task[None] | None) -> None:
    if playing is not None:
        await end_tasks(playing)
