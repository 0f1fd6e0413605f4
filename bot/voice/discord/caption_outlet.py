"""Captions in Discord: in the prompt channel, or in a thread of it."""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.llm.cleaning import clean_name
from bot.text import shorten
from bot.voice.discord.prompt_channel import PromptTextChannel
from bot.voice.transport import CaptionError
from config.settings import Captions

_log = logging.getLogger(__name__)

THREAD_NAME_CHARS = 100
NO_THREAD = (
    "🧵 I can't open a thread for captions here, so I write them in this channel. "
    "My role needs *Create Public Threads* and *Send Messages in Threads*."
)


class DiscordCaptionOutlet:
    """A :class:`~bot.voice.transport.CaptionOutlet` for one call; mentions nobody.

    The thread is opened with the first caption. Where that is not allowed, or the channel has no threads, people are
    told once, and the channel takes the captions.

    Args:
        title: what the thread is called.
    """

    def __init__(self, channel: PromptTextChannel, title: str) -> None:
        self._channel = channel
        self._title = shorten(clean_name(title), THREAD_NAME_CHARS)
        self._thread: discord.Thread | None = None
        self._threads_refused = False

    async def write(self, text: str, place: Captions) -> None:
        """Write a message of at most 2,000 characters; raises :class:`CaptionError`."""
        try:
            if place is not Captions.THREAD or not await self._write_in_thread(text):
                await self._send(self._channel, text)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            raise CaptionError(str(error)) from error

    async def _write_in_thread(self, text: str) -> bool:
        if self._threads_refused:
            return False
        try:
            thread = await self._open_thread()
            if thread is not None:
                await self._send(thread, text)
                return True
        except discord.NotFound:
            # Somebody has deleted the thread: there will be another.
            self._thread = None
            return False
        except discord.Forbidden as error:
            _log.info("No thread for captions: %s", error)
        self._threads_refused = True
        await self._send(self._channel, NO_THREAD)
        return False

    async def _open_thread(self) -> discord.Thread | None:
        """The thread, opened if need be; ``None`` where there can be none: in a voice channel's chat, in a thread."""
        if self._thread is None and isinstance(self._channel, discord.TextChannel):
            self._thread = await self._channel.create_thread(
                name=self._title, type=discord.ChannelType.public_thread, reason="Captions of a call"
            )
        return self._thread

    @staticmethod
    async def _send(channel: PromptTextChannel, text: str) -> None:
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True)
