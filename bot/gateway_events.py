"""Keeps the bot connected when a message of Discord's gateway can't be read, and gets it back soon after an outage."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from typing import Any, Literal

import aiohttp
import discord
import yarl
from discord.backoff import ExponentialBackoff
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from typing_extensions import override

_log = logging.getLogger(__name__)

_ENDS = (ReconnectWebSocket, discord.ConnectionClosed, OSError, aiohttp.ClientError)
"""The errors that are raised when the connection ends."""


LONGEST_PAUSE = 120.0
"""Longest pause between two attempts to connect, in seconds.

discord.py's own pauses grow to 17 minutes. The bot could stay away that long after the end of an outage. Discord allows
1,000 new sessions a day, and takes the token away from a bot that begins more: this pause allows 720.
"""


class BoundedBackoff(ExponentialBackoff[Literal[False]]):
    """The pauses between two attempts to connect to the gateway: they grow at random, to :data:`LONGEST_PAUSE`."""

    @override
    def delay(self) -> float:
        return min(super().delay(), LONGEST_PAUSE)


class NotConnectedYet:
    """Stands in for the connection until there has been one.

    If the first attempt to connect fails, discord.py asks its last connection how to go on, although there was none.
    """

    session_id = sequence = None
    open = False

    @property
    def gateway(self) -> yarl.URL:
        """The address to connect to next."""
        return DiscordWebSocket.DEFAULT_GATEWAY

    def __bool__(self) -> bool:
        return False


class TolerantWebSocket(DiscordWebSocket):
    """discord.py's connection to the gateway, which stays open when a message, or the event in it, can't be read.

    Such a message is left out, and the first one of a connection is logged. A message that can't be unpacked or is no
    JSON was damaged on its way: the connection is made anew after a pause, and the session resumed, so that Discord
    sends again what was lost. A session whose first message (READY) can't be read is of no use: another one is begun
    after a pause. In discord.py itself, all of this ends the bot.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(socket, loop=loop)
        self._reported = False

    async def received_message(self, msg: Any, /) -> None:
        """Take a message as it comes from the socket.

        Raises:
            ReconnectWebSocket: the connection has to be made anew.
            ConnectionError: the connection has to be made anew, after a pause.
        """
        session = self.session_id
        try:
            await super().received_message(msg)
        except _ENDS:
            raise
        except (zlib.error, json.JSONDecodeError, RecursionError) as error:
            _log.warning("A message of Discord is garbled (%r): connecting anew", error)
            await self._break_off()
            raise ConnectionError("a message of Discord is garbled") from error
        except Exception as error:
            # Nothing but READY names the session, and before READY there is none.
            if self.session_id is None or self.session_id != session:
                _log.warning("Discord's first message of a session could not be read: beginning another", exc_info=True)
                self.session_id = self.sequence = None
                self.gateway = self.DEFAULT_GATEWAY
                await self._break_off()
                raise ConnectionError("Discord's first message of a session could not be read") from error
            if not self._reported:
                self._reported = True
                _log.warning("A message of Discord could not be read, and is left out", exc_info=True)

    async def resume(self) -> None:
        """Go on with the session of an earlier connection, or begin one if there is none.

        By itself, discord.py would try to resume after an error even without a session.
        """
        await (self.identify() if self.session_id is None else super().resume())

    async def _break_off(self) -> None:
        """Close the connection, and end the thread that keeps it alive."""
        if self._keep_alive is not None:
            self._keep_alive.stop()
            self._keep_alive = None
        await self.close()
