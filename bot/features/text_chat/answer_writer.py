"""Writes the answer to a question: builds the prompt, streams the model's text, and stores both turns."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiosqlite
import discord

from bot.characters import Characters, scope_at
from bot.conversations.keeping import Conversations
from bot.conversations.records import CHAT, ConversationPlace
from bot.features.text_chat.chat_memory import ChatMemory
from bot.features.text_chat.live_answer import LiveAnswer
from bot.last_prompts import LastPrompts
from bot.llm.answer import AnswerPart, TextDelta, fixed_answer
from bot.llm.answer_progress import AnswerProgress
from bot.llm.errors import ModelError
from bot.llm.history import Turn, speakers_of_turns
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.personas import Persona
from bot.llm.prompts import WRITTEN, ConversationMessages, chat_room, private_room
from bot.llm.recollection import NOTHING, RecallSource, Recollection
from bot.llm.silence import SilenceFilter
from bot.llm.small_model import SmallPrompts
from bot.llm.text_model import ToolModel
from bot.llm.tool_loop import answer_with_tools
from bot.llm.tools import NO_TOOLS, Toolboxes, ToolDescription, TurnTools, toolbox_at
from bot.metering import DIRECT_MESSAGES, Account
from bot.replying import AnyMessage
from bot.text import shorten

_log = logging.getLogger(__name__)

_MAX_ERROR_CHARS = 1_000
_SMALL_CONTEXT = 4
"""Maximum number of earlier turns that a small model sees. More turns confuse it."""
MAX_CONTEXT_TOKENS = 5_400
"""Maximum number of tokens of earlier turns that the model sees, so that a few long turns do not fill the model's
context."""


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """A question to the bot.

    ``person`` is a user id. ``text`` is the message in plain words, ``seen`` a description of its pictures, ``heard``
    the transcript of its recordings.
    """

    person: int
    name: str
    text: str
    seen: str | None = None
    heard: str = ""

    @property
    def words(self) -> str:
        """Transcript, text and description in one text."""
        seen = f"[{self.seen}]" if self.seen else ""
        return " ".join(filter(None, (self.heard, self.text, seen)))

    @property
    def turn(self) -> Turn:
        """The question as a turn of the conversation."""
        return Turn.of_person(self.name, self.words, self.person)


class AnswerWriter:
    """Writes answers, and stores questions and answers.

    Args:
        conversations: stores questions and answers for people to read, apart from the model's memory.
        context_messages: the largest number of earlier turns that the model sees.
        clock: returns the time in the people's time zone.
        small_prompts: the prompts for small models, by language tag.
        last_prompts: keeps the contents of the newest prompt to the model, for each place.
        tools: the tools that the model may call; ``None`` for none. Small models are told of no tools.
        recalls: recalls for each turn what the model is told besides the earlier turns; ``None`` for nothing. Small
            models are told nothing of it.
    """

    def __init__(
        self,
        model: ToolModel,
        characters: Characters,
        memory: ChatMemory,
        conversations: Conversations | None,
        context_messages: int,
        clock: Callable[[], datetime],
        small_prompts: SmallPrompts,
        last_prompts: LastPrompts,
        tools: Toolboxes | None = None,
        recalls: RecallSource | None = None,
    ) -> None:
        self._model = model
        self._characters = characters
        self._memory = memory
        self._conversations = conversations
        self._context_messages = context_messages
        self._last_prompts = last_prompts
        self._tools = tools
        self._recalls = recalls
        self._prompts = ConversationMessages(WRITTEN, model, clock, small_prompts)

    async def write(self, message: AnyMessage, question: ChatQuestion, answer: LiveAnswer) -> str:
        """Answer ``message``, and return the model's answer. "" if it gave none.

        If the model fails, the error is posted, and nothing is stored.

        Raises:
            discord.HTTPException: the answer can't be posted.
        """
        channel = message.channel.id
        character = self._characters.at(scope_at(message.guild, message.channel))
        persona = character.persona
        asked, earlier = question.turn, await self._earlier_if_readable(channel)
        seen, recollection = earlier, NOTHING
        if self._prompts.is_small(persona):
            seen = earlier[-_SMALL_CONTEXT:]
        elif self._recalls is not None:
            recall = self._recalls.at(message.guild.id if message.guild is not None else None, channel)
            recollection = await recall.for_turn(asked, unfinished=False)
        room = _room(message, question, earlier)
        messages = await self._prompts.write(character, seen, asked, room, recollection=recollection)
        known = SpeakerNames.of(persona.names, speakers_of_turns([*earlier, asked]))
        named: str | None = None

        def note_mood(mood: str | None) -> None:
            nonlocal named
            named = mood

        note_prompt = partial(self._last_prompts.note, scope_at(message.guild, message.channel), "chat")
        place = message.guild.id if message.guild is not None else DIRECT_MESSAGES
        progress = AnswerProgress(Account(place, question.person), fitted=note_prompt, mood=note_mood)

        limit = self._prompts.answer_to_limit(persona, asked)

        def ask(told: Sequence[ChatMessage], offered: Sequence[ToolDescription]) -> AsyncGenerator[AnswerPart, None]:
            if limit is not None:
                return fixed_answer(limit)
            if offered:
                return self._model.stream(told, model=persona.model, speakers=known, tools=offered, progress=progress)
            return self._model.text(told, model=persona.model, speakers=known, progress=progress)

        silence = SilenceFilter()
        try:
            tools = self._tools_for(message, asked, earlier, persona, recollection)
            async with aclosing(answer_with_tools(ask, messages, tools, progress=progress)) as pieces:
                await answer.stream(_without_silence(pieces, silence))
        except ModelError as error:
            _log.warning("No answer in channel %d: %s", channel, error)
            await answer.end_with(f"❌ {shorten(str(error), _MAX_ERROR_CHARS)}")
            return ""
        if silence.silent:
            await self._remember(channel, asked, Turn.of_bot(""))
            return ""
        if not answer.text.strip():
            await answer.end_with(persona.confused_line)
            return ""
        await self._keep(message, question, Turn.of_bot(answer.text, name=persona.name))
        await self._characters.answered(scope_at(message.guild, message.channel), named)
        return answer.text.strip()

    def _tools_for(
        self,
        message: AnyMessage,
        asked: Turn,
        earlier: Sequence[Turn],
        persona: Persona,
        recollection: Recollection,
    ) -> TurnTools:
        box = toolbox_at(self._tools, scope_at(message.guild, message.channel), message.channel.id)
        takes_tools = self._model.size_of(model=persona.model).takes_tools
        if box is None or not takes_tools:
            return NO_TOOLS
        return box.for_turn(asked, earlier, recollection=recollection)

    async def _earlier(self, channel: int) -> Sequence[Turn]:
        """The earlier turns of a channel that the model sees."""
        count = self._context_messages
        return (await self._memory.history(channel, count)).recent(count, count, MAX_CONTEXT_TOKENS)

    async def _earlier_if_readable(self, channel: int) -> Sequence[Turn]:
        """The earlier turns; none if the database can't be read: better an answer without them than no answer."""
        try:
            return await self._earlier(channel)
        except aiosqlite.Error as error:
            _log.warning("The answer in channel %d is written without the earlier turns: %s", channel, error)
            return ()

    async def remembers(self, message: discord.Message) -> bool:
        """Whether the text of a message of the bot is among the earlier turns that the model sees."""
        said = message.content.strip()
        earlier = await self._earlier(message.channel.id)
        return bool(said) and any(turn.role == "assistant" and said in turn.message.content for turn in earlier)

    async def end_early(self, message: AnyMessage, question: ChatQuestion, answer: LiveAnswer, note: str) -> None:
        """End an unfinished answer with a note, and store the part of the answer that was written.

        Raises:
            discord.HTTPException: the note can't be posted.
        """
        said = answer.text
        await answer.end_with(note)
        name = self._characters.at(scope_at(message.guild, message.channel)).persona.name
        await self._keep(message, question, Turn.of_bot(said, interrupted=True, name=name))

    async def _keep(self, message: AnyMessage, question: ChatQuestion, answered: Turn) -> None:
        """Store both turns in the model's memory and in the stored conversations."""
        channel, guild = message.channel, message.guild
        # The stored conversations have a queue, so these turns are stored later if the database can't be written now.
        if self._conversations is not None:
            name = "in private" if guild is None or isinstance(channel, discord.DMChannel) else str(channel)
            place = ConversationPlace(CHAT, name, guild.id if guild is not None else None, channel.id)
            self._conversations.store_chat(place, question.turn, answered, typed=not question.heard)
        await self._remember(channel.id, question.turn, answered)

    async def _remember(self, channel: int, asked: Turn, answered: Turn) -> None:
        try:
            await self._memory.remember(channel, asked, answered)
        except aiosqlite.Error as error:
            _log.warning("What was written in channel %d is not remembered: %s", channel, error)


async def _without_silence(pieces: AsyncIterator[TextDelta], silence: SilenceFilter) -> AsyncIterator[TextDelta]:
    """The pieces of an answer, or nothing if the model has nothing to say."""
    async for piece in pieces:
        if piece.retracts:
            silence.restart()
        text = silence.feed(piece.text)
        if text or piece.retracts:
            yield TextDelta(text, retracts=piece.retracts)
    if rest := silence.end():
        yield TextDelta(rest)


def _room(message: AnyMessage, question: ChatQuestion, earlier: Sequence[Turn]) -> str:
    """A description of the channel and of the people who wrote there recently, for the model."""
    if message.guild is None or isinstance(message.channel, discord.DMChannel):
        return private_room(question.name)
    return chat_room(str(message.channel), message.guild.name, [*speakers_of_turns(earlier), question.name])
