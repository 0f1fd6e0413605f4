"""How loud the bot speaks in each place. The choices are stored."""

from __future__ import annotations

import logging
from typing import Any

import aiosqlite

from bot.store import Store
from bot.voice.call import Call
from bot.voice.manager import CallManager

_log = logging.getLogger(__name__)

MAX_VOLUME = 2.0
"""Greatest volume; 1 leaves the sound as it is."""
VOLUME_SETTING = "volume"
VOLUME_ON = "volume on {place}"


class Volumes:
    """The volumes of servers and of the page, and the volume of the active call."""

    def __init__(self, store: Store, manager: CallManager[Call[Any]]) -> None:
        self._store = store
        self._manager = manager

    async def at(self, place: int) -> float:
        """The volume in a place, 0 to 2.

        If no volume was chosen there, this is the volume that an earlier version of the bot stored for all servers.
        Without either, or if the database can't be read, it is 1.

        Args:
            place: id of a server, or of the page.
        """
        try:
            kept = await self._store.setting(VOLUME_ON.format(place=place))
            kept = kept or await self._store.setting(VOLUME_SETTING)
            return min(max(float(kept), 0.0), MAX_VOLUME) if kept is not None else 1.0
        except ValueError:
            return 1.0
        except aiosqlite.Error as error:
            _log.warning("The volume can't be read from the database, so it is 100 %%: %s", error)
            return 1.0

    async def choose(self, place: int, volume: float) -> None:
        """Set and store the volume in a place, 0 to 2. If the current call is there, it changes at once.

        Raises:
            aiosqlite.Error: the volume can't be stored. The current call has changed already.
        """
        call = self._manager.active
        if call is not None and call.server == place:
            call.volume = volume
        await self._store.set_setting(VOLUME_ON.format(place=place), repr(volume))
