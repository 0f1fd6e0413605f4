"""Keeps the bot connected when a message of Discord's gateway can't be read."""

from __future__ import annotations

import asyncio
import logging
import zlib
from typing import Any

import aiohttp
import discord
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

_log = logging.getLogger(__name__)

_ENDS = (ReconnectWebSocket, discord.ConnectionClosed, OSError, aiohttp.ClientError)
"""What is raised when the connection ends."""


class TolerantWebSocket(DiscordWebSocket):
    """discord.py's connection to the gateway, which stays when a message, or the event in it, can't be read.

    Such a message is left out, and the first one of a connection is logged. If a message can't be unpacked, none after
    it can be, so the connection is made anew and the session resumed. In discord.py itself, both end the bot.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(socket, loop=loop)
        self._reported = False

    async def received_message(self, msg: Any, /) -> None:
        """Take a message as it comes from the socket.

        Raises:
            ReconnectWebSocket: the connection has to be made anew.
        """
        try:
            await super().received_message(msg)
        except _ENDS:
            raise
        except zlib.error:
            _log.warning("A message of Discord could not be unpacked: connecting anew", exc_info=True)
            await self.close()
            raise ReconnectWebSocket(self.shard_id) from None
        except Exception:
            if not self._reported:
                self._reported = True
                _log.warning("A message of Discord could not be read, and is left out", exc_info=True)
