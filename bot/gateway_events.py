"""Keeps the bot connected when a message of Discord's gateway can't be read."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from typing import Any

import aiohttp
import discord
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

_log = logging.getLogger(__name__)

_ENDS = (ReconnectWebSocket, discord.ConnectionClosed, OSError, aiohttp.ClientError)
"""The errors that are raised when the connection ends."""


class TolerantWebSocket(DiscordWebSocket):
    """discord.py's connection to the gateway, which stays when a message, or the event in it, can't be read.

    Such a message is left out, and the first one of a connection is logged. A message that can't be unpacked or is no
    JSON was damaged on its way: the connection is made anew after a pause, and the session resumed, so that Discord
    sends again what was lost. In discord.py itself, all of this ends the bot.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(socket, loop=loop)
        self._reported = False

    async def received_message(self, msg: Any, /) -> None:
        """Take a message as it comes from the socket.

        Raises:
            ReconnectWebSocket: the connection has to be made anew.
            ConnectionError: the same, after a pause.
        """
        try:
            await super().received_message(msg)
        except _ENDS:
            raise
        except (zlib.error, json.JSONDecodeError, RecursionError) as error:
            _log.warning("A message of Discord is garbled (%r): connecting anew", error)
            if self._keep_alive is not None:
                self._keep_alive.stop()
                self._keep_alive = None
            await self.close()
            raise ConnectionError("a message of Discord is garbled") from error
        except Exception:
            if not self._reported:
                self._reported = True
                _log.warning("A message of Discord could not be read, and is left out", exc_info=True)
