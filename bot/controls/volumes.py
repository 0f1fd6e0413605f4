"""How loud the bot's voice, its music and its sounds are in each place. The choices are stored."""

from __future__ import annotations

import logging
from typing import Any

import aiosqlite

from bot.store import Store
from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voice.mixing.stream import AMBIENCE_SHARE, Channel

_log = logging.getLogger(__name__)

MAX_VOLUME = 2.0
"""Greatest volume; 1 leaves the sound as it is."""
VOLUME_SETTING = "volume"
VOLUME_ON = "volume on {place}"
MUSIC_VOLUME_ON = "music volume on {place}"
SOUND_VOLUME_ON = "sound volume on {place}"
VOICE, MUSIC, SOUNDS = "voice", "music", "sounds"
"""The things that have a volume of their own, by the names that people type."""
SHOWN = {VOICE: "🔊 Volume: {percent} %", MUSIC: "🎵 Music volume: {percent} %", SOUNDS: "📣 Sound volume: {percent} %"}
SOUND_VOLUME = 0.5
"""Volume of the sound board's sounds where none was chosen."""


class Volumes:
    """The volumes of servers, of the page and of the telephone, and the volumes of the active calls.

    Args:
        music: the volume of music, 0 to 2, where none was chosen.
    """

    def __init__(self, store: Store, manager: CallManager[Call[Any]], music: float = 0.3) -> None:
        self._store = store
        self._manager = manager
        self._music = music

    async def at(self, place: int) -> float:
        """The volume in a place, 0 to 2.

        If no volume was chosen there, this is the volume that an earlier version of the bot stored for all servers.
        Without either, or if the database can't be read, it is 1.

        Args:
            place: id of a server, of the page or of the telephone.
        """
        return await self._kept(1.0, VOLUME_ON.format(place=place), VOLUME_SETTING)

    async def music_at(self, place: int) -> float:
        """The volume of music in a place, 0 to 2; ``music`` if none was chosen or the database can't be read."""
        return await self._kept(self._music, MUSIC_VOLUME_ON.format(place=place))

    async def sounds_at(self, place: int) -> float:
        """The volume of the sound board's sounds in a place, 0 to 2.

        It is :data:`SOUND_VOLUME` if none was chosen or the database can't be read.
        """
        return await self._kept(SOUND_VOLUME, SOUND_VOLUME_ON.format(place=place))

    async def shown(self, place: int, of: str = VOICE) -> str:
        """The line that tells people a volume."""
        at = {VOICE: self.at, MUSIC: self.music_at, SOUNDS: self.sounds_at}[of]
        return SHOWN[of].format(percent=round(100 * await at(place)))

    async def _kept(self, default: float, *names: str) -> float:
        try:
            for name in names:
                kept = await self._store.setting(name)
                if kept is not None:
                    return min(max(float(kept), 0.0), MAX_VOLUME)
        except ValueError:
            return default
        except aiosqlite.Error as error:
            _log.warning("The volume can't be read from the database, so it is %.0f %%: %s", 100 * default, error)
        return default

    async def choose(self, place: int, volume: float, *, only: str | None = None) -> None:
        """Set and store the volume in a place, 0 to 2. The calls that are there change at once.

        Args:
            only: id of the only call that changes at once; ``None`` for all of the place.

        Raises:
            aiosqlite.Error: the volume can't be stored. The calls have changed already.
        """
        for call in self._calls(place, only):
            call.volume = volume
        await self._store.set_setting(VOLUME_ON.format(place=place), repr(volume))

    async def choose_of(self, place: int, of: str, volume: float, *, only: str | None = None) -> None:
        """Set and store the volume of the voice, music or sounds in a place, as :meth:`choose`."""
        choose = {VOICE: self.choose, MUSIC: self.choose_music, SOUNDS: self.choose_sounds}[of]
        await choose(place, volume, only=only)

    async def choose_music(self, place: int, volume: float, *, only: str | None = None) -> None:
        """Set and store the volume of music in a place, as :meth:`choose`."""
        for call in self._calls(place, only):
            call.mixer.set_volume(Channel.AMBIENCE, AMBIENCE_SHARE * volume)
            call.mixer.set_volume(Channel.MUSIC, volume)
        await self._store.set_setting(MUSIC_VOLUME_ON.format(place=place), repr(volume))

    async def choose_sounds(self, place: int, volume: float, *, only: str | None = None) -> None:
        """Set and store the volume of the sound board's sounds in a place, as :meth:`choose`."""
        for call in self._calls(place, only):
            call.mixer.set_volume(Channel.EFFECTS, volume)
        await self._store.set_setting(SOUND_VOLUME_ON.format(place=place), repr(volume))

    def _calls(self, place: int, only: str | None) -> list[Call[Any]]:
        return [call for call in self._manager.calls if call.server == place and only in (None, call.id)]
