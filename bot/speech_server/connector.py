"""Connects a call to one of the speech servers that stand in for each other, and knows which one it is."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection

from bot.speech_server.address import ServerAddress
from bot.speech_server.connecting import happens_within, open_connection
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import ServerMoved
from bot.speech_server.servers import SpeechServers
from wire.messages import SAMPLE_RATE

_log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 4 * SAMPLE_RATE * 10
"""Maximum number of bytes of a frame: 10 s of float32 samples."""
QUEUED_FRAMES = 16
"""Maximum number of frames that are buffered before the server has to wait."""
FIRST_DELAY = 0.1
"""Seconds before the first attempt to reconnect. The delay is short, because people wait. It doubles each time."""
MAX_DELAY = 1.0
"""Longest delay before an attempt to reconnect, in seconds."""
MOVED = "🔁 The speech server at {old} doesn't answer, or is too slow: {new} speaks instead."
MOVED_BACK = "🔁 The speech server at {new} speaks again, instead of {old}."


class SpeechConnector:
    """Connects one call. Use it on one event loop.

    Args:
        servers: the servers, and the choice among them.
        sleep: waits for some seconds before an attempt to reconnect.

    Attributes:
        address: the server that is connected, or was last.
    """

    def __init__(self, servers: SpeechServers, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._servers = servers
        self._sleep = sleep
        # The second one is the server that people believe to speak.
        self.address = self._told = servers.preferred
        self._delay = FIRST_DELAY

    async def connect(self, *, only_up: bool = False) -> ClientConnection:
        """Connect to the first server that allows it.

        Args:
            only_up: whether servers that are believed to be down are left out.

        Raises:
            SpeechUnavailable: no server allows it.
        """
        reasons: list[str] = []
        tried: list[ServerAddress] = []
        while (address := self._servers.next(tried)) is not None:
            tried.append(address)
            if only_up and not self._servers.is_up(address):
                break
            try:
                connection = await open_connection(address, MAX_FRAME_BYTES, QUEUED_FRAMES)
            except SpeechUnavailable as error:
                reasons.append(str(error))
                self._servers.failed(address)
            else:
                self._servers.connected(address)
                self.address = address
                return connection
        raise SpeechUnavailable(" ".join(reasons) or self._servers.refusal() or "There is no speech server.")

    async def reconnect(self, closing: asyncio.Event) -> ClientConnection | None:
        """Try to connect until it succeeds; ``None`` if ``closing`` was set meanwhile."""
        while not await happens_within(closing, self._sleep(self._delay * random.uniform(0.75, 1.25))):
            # The delay is reset only by a frame that can be read, so it also grows for a server that accepts and closes
            # at once.
            self._delay = min(2 * self._delay, MAX_DELAY)
            try:
                connection = await self.connect()
            except SpeechUnavailable as error:
                _log.debug("%s Trying again in about %.1f s", error, self._delay)
                continue
            if not closing.is_set():
                return connection
            await connection.close()
        return None

    def frame_came(self) -> None:
        """Note that the server has sent something that can be read. The next reconnection begins soon, then."""
        self._delay = FIRST_DELAY

    def news(self) -> list[ServerMoved]:
        """The notice for people if the server has changed since the last one; otherwise nothing."""
        old, new = self._told, self.address
        if old is new:
            return []
        self._told = new
        text = MOVED_BACK if new is self._servers.preferred else MOVED
        return [ServerMoved(text.format(old=old.place, new=new.place))]

    def tell_nobody(self) -> None:
        """Leave out the notice about the newest change of the server."""
        self._told = self.address
