"""Messages that were dropped, because too many waited or because no answer succeeded: their authors are told."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.text_chat.past_messages import find_message
from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.replying import reply_to

_log = logging.getLogger(__name__)

DROPPED = (
    "🎤 Too many messages came while I was talking in voice chat, so I could not keep this one. Please ask me again."
)
FAILED = "❌ Something went wrong on my side several times, so I give up answering this message. Please ask me again."


class DroppedMessages:
    """The dropped messages of the text chat. Each author is told once at most, even if the bot was restarted meanwhile.

    Args:
        client: the client that fetches the messages from Discord.
        waiting: the queue from which they were dropped.
    """

    def __init__(self, client: discord.Client, waiting: WaitingMessages) -> None:
        self._client = client
        self._waiting = waiting
        self._telling = asyncio.Lock()

    async def tell(self) -> None:
        """Tell the authors of all dropped messages, as far as Discord lets the bot; raises :class:`aiosqlite.Error`."""
        async with self._telling:
            while (dropped := await self._waiting.first_dropped()) is not None:
                await self._drop(dropped, DROPPED)

    async def give_up(self, waiting: WaitingMessage) -> None:
        """Drop a message that can't be answered, and tell its author; raises :class:`aiosqlite.Error`."""
        await self._drop(waiting, FAILED)

    async def _drop(self, dropped: WaitingMessage, why: str) -> None:
        await self._waiting.remove(dropped.message)
        try:
            message = await find_message(self._client, dropped.channel, dropped.message)
            if isinstance(message, discord.Message):
                await reply_to(message, why)
        except DISCORD_ERRORS as error:
            line = "Nobody could be told that message %d was dropped: %s"
            _log.warning(line, dropped.message, discord_error_detail(error))
