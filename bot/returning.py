"""Restarts of the bot on Discord: what a call does before one, and what becomes of its prompts after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import aiosqlite
import discord

from bot.calls import Calls
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationPlace
from bot.discord_errors import discord_error_text
from bot.features.text_chat.past_messages import find_message
from bot.features.text_chat.service import TextChat
from bot.replying import reply_to
from bot.restart.records import RestartRecords, UnansweredPrompt
from bot.text import shorten
from bot.voice.call import Call
from bot.voice.discord.text_channel import tell_in
from bot.voice.discord.transport import DiscordCall
from bot.voice.transport import EndCause
from bot.voice.turn import Prompt, PromptKind

_log = logging.getLogger(__name__)

WRITE_AGAIN = "👋 I was restarted before I could answer that. Write to me again."
SAY_AGAIN = "👋 I was restarted before I could answer what {name} said: “{text}” Say it to me again."
SHOWN_CHARS = 300
"""Maximum number of characters that are shown of what was not answered."""


class Returning:
    """Prepares the calls for a restart, and does after it what it can. Not thread-safe.

    Args:
        end_sentences: lets the sentence end that is spoken in each call, within a limit of its own.
        chat: the text chat; ``None`` if there is none.
        conversations: says whose spoken words may be stored.
    """

    def __init__(
        self,
        client: discord.Client,
        calls: Calls,
        records: RestartRecords,
        end_sentences: Callable[[], Awaitable[None]],
        chat: TextChat | None,
        conversations: Conversations,
    ) -> None:
        self._client = client
        self._calls = calls
        self._records = records
        self._end_sentences = end_sentences
        self._chat = chat
        self._conversations = conversations

    # Before the restart.

    async def begin(self) -> None:
        """Begin nothing new, and let end what is being said. Whoever writes or speaks from now on is told to wait."""
        self._calls.restarting = True
        chat = asyncio.create_task(self._chat.begin_restart(), name="restart") if self._chat is not None else None
        await self._end_sentences()
        if chat is not None:
            await chat

    async def call_ended(self, call: Call[Any], cause: EndCause) -> None:
        """Keep the prompts that the call has put aside, if the bot is being restarted. Called after each call."""
        if cause is not EndCause.SHUTDOWN or not isinstance(call, DiscordCall):
            return
        channel = call.prompts.id
        place = ConversationPlace(call.transport.kind, call.transport.place, call.server, channel)
        kept = [
            UnansweredPrompt(channel, each.message, each.person, each.author, each.text, each.kind is PromptKind.RECITE)
            for each in call.conversation.set_aside
            if each.person is not None and self._may_keep(each, each.person, place)
        ]
        try:
            await self._records.keep(kept)
        except aiosqlite.Error as error:
            _log.warning("%d prompts are lost with the restart, since they can't be stored: %s", len(kept), error)

    def _may_keep(self, prompt: Prompt, person: int, place: ConversationPlace) -> bool:
        """Whether a prompt may be stored: what was spoken, only where conversations are."""
        return prompt.message is not None or self._conversations.keeps(place, person)

    # After the restart.

    async def settle(self) -> None:
        """Tell the people whose prompts were not answered. Called once, when discord.py's cache is complete."""
        try:
            for prompt in await self._records.unanswered():
                await self._tell(prompt)
            await self._records.forget_prompts()
        except aiosqlite.Error as error:
            _log.warning("What was not answered before the restart can't be read: %s", error)

    async def _tell(self, prompt: UnansweredPrompt) -> None:
        if prompt.message is None:
            name, text = discord.utils.escape_markdown(prompt.name), shorten(prompt.text, SHOWN_CHARS)
            await tell_in(self._client, prompt.channel, SAY_AGAIN.format(name=name, text=text))
            return
        try:
            message = await find_message(self._client, prompt.channel, prompt.message)
            if message is not None:
                await reply_to(message, WRITE_AGAIN)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            _log.warning("%s could not be told of an unanswered message: %s", prompt.name, discord_error_text(error))
