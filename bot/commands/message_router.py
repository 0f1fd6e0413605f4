"""Routes messages outside of calls to the feature that answers them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import aiosqlite
import discord
from discord.ext import commands

from bot.access import RateLimit, wait_text
from bot.commands.message_words import addressed_message_text, find_quoted
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.feature import FeatureSet
from bot.features.image_generation.drawing_request import drawing_subject
from bot.features.image_generation.feature import ImageGeneration
from bot.features.text_chat.service import TextChat
from bot.features.vision.feature import CANT_SEE, Vision
from bot.features.vision.media import VisionError, shows_pictures
from bot.replying import reply_to
from bot.spoken_messages.listener import SpokenMessageError, SpokenMessages, is_spoken
from bot.typed_memory import TypedMemory, Writer

_log = logging.getLogger(__name__)

NOTHING_TO_ANSWER = "💬 I found no words in that message. Write me something to answer."


class MessageRouter(commands.Cog):
    """Passes each message to all observing features and, if it is meant for the bot, to a feature that answers it.

    Args:
        rate: limits how often one person is answered.
        prefix: the prefix of commands. A message that begins with it is left to the commands.
        is_for_call: whether messages in a channel (by id) are for a call.
        answers: takes a person's id, a text and a channel's id; returns whether the text is the answer to something
            that the bot has asked the person. Such a message goes nowhere else.
        memory: carries out requests about the memory, such as "remember that …"; ``None`` for no memory.
    """

    def __init__(
        self,
        bot: commands.Bot,
        features: FeatureSet,
        spoken: SpokenMessages,
        rate: RateLimit,
        prefix: str,
        is_for_call: Callable[[int], bool],
        answers: Callable[[int, str, int], bool] = lambda *_: False,
        memory: TypedMemory | None = None,
    ) -> None:
        self._memory = memory
        self._answers = answers
        self._bot = bot
        self._observers = features.observers
        self._text_chat = features.get(TextChat)
        self._vision = features.find(Vision)
        self._images = features.find(ImageGeneration)
        self._cant_draw = features.not_set_up.get("draw")
        self._spoken = spoken
        self._rate = rate
        self._prefix = prefix
        self._is_for_call = is_for_call

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Route a person's message, unless it is a command or for the call."""
        if message.author.bot or message.webhook_id is not None or message.is_system():
            return
        if self._is_for_call(message.channel.id) or message.content.startswith(self._prefix):
            return
        if self._answers(message.author.id, message.content, message.channel.id):
            return
        for observe in self._observers:
            try:
                await observe(message)
            except aiosqlite.Error as error:
                _log.warning("A feature could not note message %d: %s", message.id, error)
        await find_quoted(message)
        if self._text_chat.is_for_bot(message):
            await self._answer(message)

    async def _answer(self, message: discord.Message) -> None:
        me = self._bot.user
        if me is None:
            return
        quoted = await find_quoted(message)
        known = quoted is not None and quoted.author == me and await self._text_chat.remembers(quoted)
        words = addressed_message_text(me, message, quote=not known)
        try:
            if await self._draws(message, words.written):
                return
            if wait := self._rate.take(message.author.id):
                if self._rate.notify_once(message.author.id):
                    await reply_to(message, wait_text(wait))
            elif await self._asks_memory(message, words.written):
                return
            elif is_spoken(message):
                await self._answer_spoken(message, words.text)
            else:
                await self._chat(message, words.text)
        except DISCORD_ERRORS as error:
            _log.warning("Could not answer message %d: %s", message.id, discord_error_detail(error))

    async def _draws(self, message: discord.Message, text: str) -> bool:
        """Draw if the text asks for a drawing. Returns whether the message was answered."""
        wish = drawing_subject(text)
        if wish is None:
            return False
        if self._images is not None:
            await self._images.draw(message, wish)
            return True
        if self._cant_draw is not None:
            await reply_to(message, self._cant_draw)
            return True
        return False

    async def _asks_memory(self, message: discord.Message, text: str) -> bool:
        """Carry out a request about the memory, also while the text chat waits. Returns whether the text was one."""
        guild, channel = message.guild, message.channel.id
        if self._memory is None:
            return False
        request = self._memory.request(text, channel if guild is None else guild.id)
        if request is None:
            return False
        author = message.author
        who = Writer(author.id, author.display_name, None if guild is None else guild.id, channel)
        await reply_to(message, await self._memory.carry_out(request, who))
        return True

    async def _answer_spoken(self, message: discord.Message, text: str) -> None:
        """Answer a recording like a typed message. During a call the message waits, and is transcribed afterwards."""
        heard, refusal = "", self._spoken.refusal(message)
        if refusal is None and self._text_chat.held:
            await self._chat(message, text, waits=True)
            return
        if refusal is None:
            try:
                async with message.channel.typing():
                    heard = await self._spoken.hear(message)
            except SpokenMessageError as error:
                refusal, heard = str(error), error.heard
        if refusal is not None:
            await reply_to(message, refusal)
            if not (heard or text):
                return
        if not (await self._draws(message, heard) or await self._asks_memory(message, heard)):
            await self._chat(message, text, heard=heard)

    async def _chat(self, message: discord.Message, text: str, *, heard: str = "", waits: bool = False) -> None:
        """Have the text chat answer. ``waits`` means that the message has recordings that are transcribed later."""
        seen = None
        if self._vision is not None:
            try:
                seen = await self._vision.describe(message)
            except VisionError as error:
                await reply_to(message, str(error))
                seen = error.seen
                if not (text or heard or seen or waits):
                    return
        elif shows_pictures(message):
            await reply_to(message, CANT_SEE)
            if not (text or heard or waits):
                return
        if text or heard or seen or waits:
            await self._text_chat.answer(message, text, seen, heard)
        else:
            await reply_to(message, NOTHING_TO_ANSWER)
