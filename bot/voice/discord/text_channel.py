"""The text channel of a Discord call: acknowledgements of prompts, texts that can't be spoken, and captions."""

from __future__ import annotations

import logging
from collections.abc import Collection

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail, discord_error_text
from bot.llm.cleaning import clean_name
from bot.replying import NOBODY, mentions_of, reply_to
from bot.text import shorten, split_message
from bot.voice.transport import CaptionError
from bot.voice.turn import Prompt
from config.sections import Captions

_log = logging.getLogger(__name__)

ACKNOWLEDGEMENT = "🎤"
"""Reaction to a prompt that was taken."""
THREAD_NAME_CHARS = 100
"""Maximum number of characters of a thread's name."""
NO_THREAD = (
    "🧵 I can't open a thread for captions here, so I write them in this channel. "
    "My role needs *Create Public Threads* and *Send Messages in Threads*."
)

PromptTextChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
"""The channels of a server that people can write in."""


async def tell_in(client: discord.Client, channel: int, text: str) -> None:
    """Write a text in the channel with this id, even long after the call. An error is logged and not raised."""
    try:
        found = client.get_channel(channel) or await client.fetch_channel(channel)
        if isinstance(found, discord.abc.Messageable):
            await found.send(text, allowed_mentions=discord.AllowedMentions.none())
    except DISCORD_ERRORS as error:
        _log.warning("Could not write in the channel %d: %s", channel, discord_error_text(error))


class DiscordPromptChannel:
    """The :class:`~bot.voice.transport.PromptChannel` of a call in a Discord text channel.

    Its messages mention nobody but the authors of the prompts that they answer.
    """

    def __init__(self, channel: PromptTextChannel) -> None:
        self.channel = channel

    @property
    def id(self) -> int:
        """Discord's id of the channel."""
        return self.channel.id

    async def acknowledge(self, prompt: Prompt) -> None:
        """React to the prompt's message, if it has one. A missing message or permission is only logged."""
        if prompt.message is None:
            return
        try:
            await self.channel.get_partial_message(prompt.message).add_reaction(ACKNOWLEDGEMENT)
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("Could not acknowledge a prompt: %s", error)

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Write ``text`` in messages of at most 2,000 characters. If ``prompt`` has a message, reply to it.

        The authors of ``others`` are mentioned behind the text. If there are any, and ``prompt`` has no message, its
        author is mentioned too.

        Raises:
            discord.HTTPException: the channel is gone, or the bot may not write in it.
        """
        answered = prompt.message if prompt is not None else None
        mentioned = (prompt, *others) if others and prompt is not None and answered is None else others
        also = tuple(dict.fromkeys(each.person for each in mentioned if each.person is not None))
        for number, part in enumerate(split_message(" ".join((text, *(f"<@{person}>" for person in also))))):
            if answered is not None and number == 0:
                await reply_to(self.channel.get_partial_message(answered), part, also=also)
            else:
                await self.channel.send(part, allowed_mentions=mentions_of(also) if also else NOBODY)


class DiscordCaptionOutlet:
    """The :class:`~bot.voice.transport.CaptionOutlet` of one call. Captions mention nobody.

    The thread is opened for the first caption. If that is not allowed, or the channel can't have threads, a message
    says so once, and captions are written in the channel itself.

    Args:
        channel: text channel of the call.
        title: name of the thread.
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
        except DISCORD_ERRORS as error:
            raise CaptionError(discord_error_detail(error)) from error

    async def _write_in_thread(self, text: str) -> bool:
        """Write in the thread; returns False if the text still has to be written in the channel."""
        if self._threads_refused:
            return False
        try:
            thread = await self._open_thread()
            if thread is not None:
                await self._send(thread, text)
                return True
        except discord.NotFound:
            # The thread was deleted. The next caption opens a new one.
            self._thread = None
            return False
        except discord.Forbidden as error:
            _log.info("No thread for captions: %s", error)
        self._threads_refused = True
        await self._send(self._channel, NO_THREAD)
        return False

    async def _open_thread(self) -> discord.Thread | None:
        """The thread, opened if there is none yet.

        Returns:
            The thread; ``None`` if the channel can't have threads (the chat of a voice channel, or a thread).
        """
        if self._thread is None and isinstance(self._channel, discord.TextChannel):
            self._thread = await self._channel.create_thread(
                name=self._title, type=discord.ChannelType.public_thread, reason="Captions of a call"
            )
        return self._thread

    @staticmethod
    async def _send(channel: PromptTextChannel, text: str) -> None:
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True)
