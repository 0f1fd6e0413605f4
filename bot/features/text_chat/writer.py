"""From a question to its answer: who answers, what they remember, what the model says."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass

from bot.features.text_chat.characters import Characters, place_of
from bot.features.text_chat.live_answer import LiveAnswer
from bot.features.text_chat.memory import ChatMemory
from bot.llm.errors import ModelError
from bot.llm.history import INTERRUPTED, user_line
from bot.llm.prompts import written_messages
from bot.llm.text_model import TextModel
from bot.replying import AnyMessage
from bot.text import shorten

_log = logging.getLogger(__name__)

_MAX_ERROR_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wrote, in plain words, and what the pictures show that came with it."""

    name: str
    text: str
    seen: str | None = None

    @property
    def line(self) -> str:
        """The same as the model reads it."""
        return user_line(self.name, f"{self.text} [{self.seen}]".lstrip() if self.seen else self.text)


class Writer:
    """Writes answers, and remembers what was asked and answered.

    Args:
        context_messages: how many of the remembered messages the model sees.
    """

    def __init__(self, model: TextModel, characters: Characters, memory: ChatMemory, context_messages: int) -> None:
        self._model = model
        self._characters = characters
        self._memory = memory
        self._context_messages = context_messages

    async def write(self, message: AnyMessage, question: Question, answer: LiveAnswer) -> None:
        """Answer ``message``; a fault of the model is told there, and nothing of it is remembered.

        Raises:
            discord.HTTPException: the answer can't be posted.
        """
        channel = message.channel.id
        character = await self._characters.at(place_of(message))
        earlier = await self._memory.newest(channel, self._context_messages)
        asked = written_messages(character.persona, character.mood, earlier, question.line)
        try:
            async with aclosing(self._model.stream(asked, model=character.persona.model)) as pieces:
                await answer.follow(pieces)
        except ModelError as error:
            _log.warning("No answer in channel %d: %s", channel, error)
            await answer.end_with(f"❌ {shorten(str(error), _MAX_ERROR_CHARS)}")
            return
        if not answer.text.strip():
            await answer.end_with(character.persona.confused_line)
            return
        await self._memory.remember(channel, question.line, answer.text.strip())

    async def end_early(self, message: AnyMessage, question: Question, answer: LiveAnswer, note: str) -> None:
        """Leave the answer as far as it came, with a word on why, and remember that much.

        Raises:
            discord.HTTPException: the word can't be posted.
        """
        said = answer.text.strip()
        await answer.end_with(note)
        await self._memory.remember(message.channel.id, question.line, said + INTERRUPTED)
