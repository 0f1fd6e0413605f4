"""What people write, to the feature that it is for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import discord
from discord.ext import commands

from bot.access import RateLimit, wait_word
from bot.commands.message_words import find_quoted, words_to
from bot.features.autonomous_talk.feature import AutonomousTalk
from bot.features.dual_persona.feature import DualPersona
from bot.features.image_generation.feature import ImageGeneration
from bot.features.image_generation.wishes import wants_drawing
from bot.features.text_chat.service import TextChat
from bot.features.vision.errors import VisionError
from bot.features.vision.feature import Vision
from bot.replying import reply_to

_log = logging.getLogger(__name__)

NOTHING_TO_ANSWER = "💬 I found no words in that message. Write me something to answer."


@dataclass(frozen=True, slots=True)
class MessageFeatures:
    """Whom messages are for; ``None`` where the operator has not set a feature up."""

    chat: TextChat
    talk: AutonomousTalk
    vision: Vision | None = None
    images: ImageGeneration | None = None
    argument: DualPersona | None = None


class MessageRouter(commands.Cog):
    """Hands each message to one feature that answers, and to those that only listen.

    Args:
        rate: how often one person is answered.
        call_channel: where the prompts of a call come from, while one is on; they are for the call.
    """

    def __init__(
        self,
        bot: commands.Bot,
        features: MessageFeatures,
        rate: RateLimit,
        call_channel: Callable[[], int | None],
    ) -> None:
        self._bot = bot
        self._features = features
        self._rate = rate
        self._call_channel = call_channel

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Look at what a person wrote, unless it is a command or for the call."""
        if message.author.bot or message.webhook_id is not None or message.is_system():
            return
        if message.channel.id == self._call_channel() or await self._is_command(message):
            return
        if self._features.argument is not None:
            await self._features.argument.observe(message)
        await self._features.talk.observe(message)
        await find_quoted(message)
        if self._features.chat.is_meant(message):
            await self._answer(message)

    async def _is_command(self, message: discord.Message) -> bool:
        context = await self._bot.get_context(message)
        return context.prefix is not None

    async def _answer(self, message: discord.Message) -> None:
        me = self._bot.user
        if me is None:
            return
        quoted = await find_quoted(message)
        known = quoted is not None and quoted.author == me and await self._features.chat.remembers(quoted)
        words = words_to(me, message, quote=not known)
        wish = wants_drawing(words.written) if self._features.images is not None else None
        try:
            if wish is not None and self._features.images is not None:
                await self._features.images.draw(message, wish)
            elif wait := self._rate.take(message.author.id):
                await reply_to(message, wait_word(wait))
            else:
                await self._chat(message, words.text)
        except discord.HTTPException as error:
            _log.warning("Could not answer message %d: %s", message.id, error)

    async def _chat(self, message: discord.Message, text: str) -> None:
        seen = None
        if self._features.vision is not None:
            try:
                seen = await self._features.vision.describe(message)
            except VisionError as error:
                await reply_to(message, str(error))
                seen = error.seen
                if not text and not seen:
                    return
        if text or seen:
            await self._features.chat.answer(message, text, seen)
        else:
            await reply_to(message, NOTHING_TO_ANSWER)
