"""From a question to its answer: who answers, what they remember, what the model says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.characters import Characters
from bot.conversations.keeping import Conversations
from bot.conversations.said import CHAT, Exchange, Place
from bot.features.text_chat.live_answer import LiveAnswer
from bot.features.text_chat.memory import ChatMemory
from bot.llm.circumstances import Circumstances, chat_room, moment, private_room
from bot.llm.cleaning import clean_name
from bot.llm.errors import ModelError
from bot.llm.history import INTERRUPTED, speakers, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Character
from bot.llm.prompts import alternating, written_messages
from bot.llm.small_talk import Beginnings, SmallTalk
from bot.llm.speakers import Speakers
from bot.llm.text_model import TextModel
from bot.replying import AnyMessage
from bot.text import shorten

_log = logging.getLogger(__name__)

_MAX_ERROR_CHARS = 1_000
_SMALL_CONTEXT = 4
"""Earlier messages for a small model, which loses itself in more."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody (a user id) wrote, in plain words, what the pictures show that came with it, and what they said."""

    person: int
    name: str
    text: str
    seen: str | None = None
    heard: str = ""

    @property
    def words(self) -> str:
        """All of it in one text."""
        seen = f"[{self.seen}]" if self.seen else ""
        return " ".join(filter(None, (self.heard, self.text, seen)))

    @property
    def line(self) -> str:
        """The same as the model reads it."""
        return user_line(self.name, self.words)


class Writer:
    """Writes answers, and remembers what was asked and answered.

    Args:
        conversations: where what was asked and answered is kept, for longer than the model sees it.
        context_messages: how many of the remembered messages the model sees.
        clock: what time it is, in the time zone of the people.
        beginnings: what a small model is told.
    """

    def __init__(
        self,
        model: TextModel,
        characters: Characters,
        memory: ChatMemory,
        conversations: Conversations | None,
        context_messages: int,
        clock: Callable[[], datetime],
        beginnings: Beginnings,
    ) -> None:
        self._model = model
        self._characters = characters
        self._memory = memory
        self._conversations = conversations
        self._context_messages = context_messages
        self._clock = clock
        self._small_talk = SmallTalk(beginnings)

    async def write(self, message: AnyMessage, question: Question, answer: LiveAnswer) -> None:
        """Answer ``message``; a fault of the model is told there, and nothing of it is remembered.

        Raises:
            discord.HTTPException: the answer can't be posted.
        """
        channel = message.channel.id
        character = self._characters.at(_place_of(message))
        persona = character.persona
        earlier = await self._memory.newest(channel, self._context_messages)
        asked = await self._asked(character, message, question, earlier)
        try:
            known = Speakers.of(persona.names, [*speakers(earlier), clean_name(question.name)])
            async with aclosing(self._model.text(asked, model=persona.model, speakers=known)) as pieces:
                await answer.follow(pieces)
        except ModelError as error:
            _log.warning("No answer in channel %d: %s", channel, error)
            await answer.end_with(f"❌ {shorten(str(error), _MAX_ERROR_CHARS)}")
            return
        if not answer.text.strip():
            await answer.end_with(persona.confused_line)
            return
        await self._memory.remember(channel, question.line, answer.text.strip())
        self._keep(message, question, persona.name, answer.text.strip())

    async def _asked(
        self, character: Character, message: AnyMessage, question: Question, earlier: Sequence[ChatMessage]
    ) -> tuple[ChatMessage, ...]:
        persona = character.persona
        size = self._model.size_of(model=persona.model)
        if size.small:
            await self._small_talk.load()
            talk = alternating([*earlier[-_SMALL_CONTEXT:], ChatMessage("user", question.line)])
            return self._small_talk.messages(persona, talk, size)
        circumstances = Circumstances(_room(message, question, earlier), moment(self._clock()))
        return written_messages(persona, character.mood, earlier, question.line, circumstances)

    async def remembers(self, message: discord.Message) -> bool:
        """Whether what the bot wrote there is among what the model sees."""
        earlier = await self._memory.newest(message.channel.id, self._context_messages)
        said = message.content.strip()
        return bool(said) and any(each.role == "assistant" and said in each.content for each in earlier)

    async def end_early(self, message: AnyMessage, question: Question, answer: LiveAnswer, note: str) -> None:
        """Leave the answer as far as it came, with a word on why, and remember that much.

        Raises:
            discord.HTTPException: the word can't be posted.
        """
        said = answer.text.strip()
        await answer.end_with(note)
        await self._memory.remember(message.channel.id, question.line, said + INTERRUPTED)
        name = self._characters.at(_place_of(message)).persona.name
        self._keep(message, question, name, said, interrupted=True)

    def _keep(
        self, message: AnyMessage, question: Question, bot_name: str, answer: str, *, interrupted: bool = False
    ) -> None:
        if self._conversations is None:
            return
        channel, guild = message.channel, message.guild
        name = "in private" if guild is None or isinstance(channel, discord.DMChannel) else str(channel)
        place = Place(CHAT, name, guild.id if guild is not None else None, channel.id)
        self._conversations.chat(
            Exchange(place, question.person, question.name, question.words, bot_name, answer, interrupted)
        )


def _place_of(message: AnyMessage) -> int:
    """What a character belongs to: the server's id, or the channel's in direct messages."""
    return message.guild.id if message.guild else message.channel.id


def _room(message: AnyMessage, question: Question, earlier: Sequence[ChatMessage]) -> str:
    """Where this is written, and who wrote there lately, as far as the model sees it."""
    if message.guild is None or isinstance(message.channel, discord.DMChannel):
        return private_room(question.name)
    return chat_room(str(message.channel), message.guild.name, [*speakers(earlier), question.name])
