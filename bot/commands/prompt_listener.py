"""Passes messages in the prompt channel of a call to the call, as prompts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import discord
from discord.ext import commands

from bot.calls import Calls
from bot.commands.message_words import find_quoted, message_text
from bot.discord_errors import DISCORD_ERRORS
from bot.features.vision.feature import CANT_SEE
from bot.features.vision.feature import HELD as CANT_LOOK
from bot.replying import reply_to
from bot.spoken_messages.listener import SpokenMessageError, SpokenMessages, recordings_in
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED
from bot.voice.turn import Prompt

NOT_ANSWERED = "🔇"
"""Reaction to the message of a person who is not answered in this call."""
NO_WORDS = "🎤 I found no words in that message. Write me something to answer."
CANT_OPEN = "🎤 I can't open files while I'm talking in voice chat. Tell me in words."


class PromptListener(commands.Cog):
    """Passes messages in the prompt channel to the call.

    Args:
        prefix: the prefix of commands. A message that begins with it is no prompt, even if there is no such command
            (see :class:`.UnknownCommands`).
        sees: whether the vision feature is set up. No pictures are described during a call. If the feature is set up,
            the author of a picture is told that the bot looks at pictures only outside of calls. If it is not, the
            author is told that the bot can't see.
        answers: takes a person's id, a text and a channel's id; returns whether the text is the answer to something
            that the bot has asked the person. Such a message is no prompt.
    """

    def __init__(
        self,
        calls: Calls,
        spoken: SpokenMessages,
        prefix: str,
        *,
        sees: bool,
        answers: Callable[[int, str, int], bool] = lambda *_: False,
    ) -> None:
        self._answers = answers
        self._calls = calls
        self._spoken = spoken
        self._prefix = prefix
        self._cant_look = CANT_LOOK if sees else CANT_SEE
        self._in_order = asyncio.Lock()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Have a message answered aloud if it is for the call."""
        at = time.monotonic()
        call = self._calls.prompted_in(message.channel.id)
        if call is None:
            return
        if message.author.bot or message.is_system() or message.content.startswith(self._prefix):
            return
        if not call.may_talk(message.author.id):
            with contextlib.suppress(*DISCORD_ERRORS):
                await message.add_reaction(NOT_ANSWERED)
            return
        if self._answers(message.author.id, message.content, message.channel.id):
            return
        files = [each for each in message.attachments if each not in recordings_in(message)]
        if files:
            await reply_to(message, self._cant_attach(files), ping=False)
        await find_quoted(message)
        # Prompts keep their order: while an earlier message's recording is transcribed, later messages wait.
        async with self._in_order:
            heard, notified = await self._hear(message)
        text = " ".join(filter(None, (heard, message_text(message).text)))
        if text and call in self._calls.active and not call.conversation.over:
            if call.take_memory_request(message.author.id, message.author.display_name, text):
                return
            call.say(Prompt(message.author.display_name, text, at, message.id, person=message.author.id))
        elif text:
            await reply_to(message, LEFT_UNANSWERED, ping=False)
        elif not files and not notified:
            await reply_to(message, NO_WORDS, ping=False)

    async def _hear(self, message: discord.Message) -> tuple[str, bool]:
        """The transcript of the message's recordings, and whether its author was told about an error."""
        try:
            return await self._spoken.hear(message), False
        except SpokenMessageError as error:
            await reply_to(message, str(error), ping=False)
            return error.heard, True

    def _cant_attach(self, attachments: list[discord.Attachment]) -> str:
        types = [attachment.content_type or "" for attachment in attachments]
        return self._cant_look if any(t.startswith(("image/", "video/")) for t in types) else CANT_OPEN
