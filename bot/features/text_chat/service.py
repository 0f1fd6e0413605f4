"""The text chat feature: answers messages at once, or after the call if they come during one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from weakref import WeakValueDictionary

import aiosqlite
import discord

from bot.characters import Characters
from bot.conversations.keeping import Conversations
from bot.database import Database
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.text_chat.addressing import is_for_bot
from bot.features.text_chat.answer_writer import AnswerWriter, ChatQuestion
from bot.features.text_chat.backlog import Backlog
from bot.features.text_chat.chat_memory import ChatMemory
from bot.features.text_chat.dropped import DroppedMessages
from bot.features.text_chat.live_answer import LiveAnswer
from bot.features.text_chat.open_channels import OpenChannels
from bot.features.text_chat.past_messages import find_message, newest_id, replies_by
from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.last_prompts import LastPrompts
from bot.llm.recollection import RecallSource
from bot.llm.small_model import SmallPrompts
from bot.llm.text_model import ToolModel
from bot.llm.tools import Toolboxes
from bot.replying import AnyMessage, reply_to
from bot.restarting import RESTARTING
from bot.spoken_messages.listener import SpokenMessageError
from bot.work_gate import IN_FLIGHT_LIMIT, FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import ChatSettings

_log = logging.getLogger(__name__)

Hear = Callable[[discord.Message], Awaitable[str]]
"""Transcribes the recordings in a message; "" if it has none. Raises ``SpokenMessageError``."""

SayAnswer = Callable[[AnyMessage, str], Awaitable[None]]
"""Speaks the answer to a message in a voice message, beside the written answer. It raises nothing."""

WAITING = "🎤"
"""Reaction to a message that waits for an answer."""
NOT_KEPT = (
    "🎤 I can't answer now and could not keep this message, since my database can't be used. Please ask me again later."
)
RESTART_LIMIT = 3.0
"""Seconds for which answers in progress may still be written when the bot is about to restart."""
STOPPED = "🎤 *I have to stop here: I'm going into voice chat.*"


@dataclass(frozen=True, slots=True)
class ChatPace:
    """Timings of the text chat, in seconds.

    Args:
        edit_interval: the shortest time between two edits of a streamed answer.
        queue_pause: pause between two answers to waiting messages.
        hold_limit: when a call begins, an answer in progress has this much time to finish.
    """

    edit_interval: float = 1.0
    queue_pause: float = 2.0
    hold_limit: float = IN_FLIGHT_LIMIT


USUAL_PACE = ChatPace()


async def hear_nothing(_message: discord.Message) -> str:
    """A :data:`Hear` that transcribes nothing."""
    return ""


class TextChat:
    """Answers messages in writing. It is paused during a call (:class:`~bot.lease.Lockable`). Made by :meth:`open`.

    In each channel, messages are answered one after another. During a call, messages wait in the database, and are
    answered in order afterwards. Call :meth:`resume` after the bot's start, and :meth:`close` at its end.

    Args:
        client: the client that fetches waiting messages from Discord.
        characters: the persona and mood of each server.
        memory: the turns of each channel that the model sees.
        open_channels: the channels in which every message is answered.
        hear: transcribes the recordings in a waiting message.
    """

    name = "text channels"

    def __init__(
        self,
        client: discord.Client,
        characters: Characters,
        memory: ChatMemory,
        open_channels: OpenChannels,
        waiting: WaitingMessages,
        writer: AnswerWriter,
        gate: WorkGate,
        edit_interval: float,
        pause: Callable[[], Awaitable[None]],
        hear: Hear,
        conversations: Conversations | None,
    ) -> None:
        self.characters = characters
        self._memory = memory
        self.open_channels = open_channels
        self._client = client
        self._waiting = waiting
        self._writer = writer
        self._edit_interval = edit_interval
        self._hear = hear
        self._conversations = conversations
        self.say_answer: SayAnswer | None = None
        """Says the answers to recordings; ``None`` if they are only written."""
        self._gate = gate
        self._dropped = DroppedMessages(client, waiting)
        self._backlog = Backlog(waiting, self._answer_waiting, self._dropped.give_up, pause)
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._restarting = False

    @classmethod
    async def open(
        cls,
        client: discord.Client,
        database: Database,
        model: ToolModel,
        characters: Characters,
        settings: ChatSettings,
        *,
        pace: ChatPace = USUAL_PACE,
        clock: Callable[[], datetime],
        small_prompts: SmallPrompts,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        hear: Hear = hear_nothing,
        conversations: Conversations | None = None,
        last_prompts: LastPrompts | None = None,
        tools: Toolboxes | None = None,
        recalls: RecallSource | None = None,
    ) -> Self:
        """Build the text chat with its parts.

        Args:
            hear: transcribes the recordings in a waiting message.
            conversations: stores questions and answers for people to read, apart from the model's memory.
            last_prompts: keeps the contents of the newest prompt to the model, for each place.
            clock: returns the time in the people's time zone.
            small_prompts: the prompts for small models, by language tag.
            sleep: waits the given seconds between two answers to waiting messages.
            tools: the tools that the model may call; ``None`` for none.
            recalls: recalls for each turn what the model is told besides a channel's history; ``None`` for nothing.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        memory = ChatMemory(database, settings.memory_messages)
        return cls(
            client,
            characters,
            memory,
            await OpenChannels.open(database, settings.channels),
            WaitingMessages(database),
            AnswerWriter(
                model,
                characters,
                memory,
                conversations,
                settings.context_messages,
                clock,
                small_prompts,
                last_prompts or LastPrompts(clock),
                tools,
                recalls,
            ),
            WorkGate(cls.name, limit=pace.hold_limit),
            pace.edit_interval,
            lambda: sleep(pace.queue_pause),
            hear,
            conversations,
        )

    @property
    def held(self) -> bool:
        """Whether the feature is paused, so that messages wait."""
        return self._gate.held

    async def hold(self, reason: str) -> None:
        """Pause. Returns when no answer is being written. An answer that takes too long ends with a note."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume. Waiting messages are answered first."""
        await self._gate.release()
        if not self._restarting:
            self._backlog.begin()

    async def begin_restart(self) -> None:
        """Begin no further answers, and give those that are being written a moment to end.

        New messages wait for the bot's next start, and their authors are told so.
        """
        self._restarting = True
        await self._backlog.close()
        await self._gate.finish(RESTART_LIMIT)

    async def resume(self) -> None:
        """Answer the messages that have waited since the bot's last run.

        Call this method once, when discord.py's cache is complete.
        """
        if not self._gate.held:
            self._backlog.begin()
        await self._dropped.tell()

    async def count_waiting(self) -> int:
        """The number of messages that wait for an answer; raises :class:`aiosqlite.Error`."""
        return await self._waiting.count()

    async def close(self) -> None:
        """Stop answering waiting messages. They are kept for the bot's next start."""
        await self._backlog.close()

    def is_for_bot(self, message: discord.Message) -> bool:
        """Whether a message is for the bot; see :func:`~bot.features.text_chat.addressing.is_for_bot`."""
        return is_for_bot(message, self._client.user, self.open_channels)

    async def forget(self, channel: int) -> int:
        """Delete a channel's turns from the memory, and its stored conversations, including those of calls.

        Returns the larger one of the two numbers of turns, because most turns are stored in both places.

        Raises:
            aiosqlite.Error: not all turns could be deleted, or they are still in the gaps of the database's files.
        """
        remembered = await self._memory.forget(channel)
        kept = await self._conversations.forget_channel(channel) if self._conversations is not None else 0
        await self._memory.erase_traces()
        return max(remembered, kept)

    async def remembers(self, message: discord.Message) -> bool:
        """Whether the text of a message of the bot is among the turns that the model sees."""
        try:
            return await self._writer.remembers(message)
        except aiosqlite.Error as error:
            _log.warning("What was written in channel %d could not be read: %s", message.channel.id, error)
            return False

    async def answer(self, message: discord.Message, text: str, seen: str | None = None, heard: str = "") -> None:
        """Answer a message, or let it wait in the database. Errors are shown in the channel, or logged.

        Args:
            text: the message in plain words.
            seen: a description of the message's pictures.
            heard: the transcript of the message's recordings. It is not stored: if the message waits, its recordings
                are transcribed again later.
        """
        question = ChatQuestion(message.author.id, message.author.display_name, text, seen, heard)
        try:
            if self._restarting:
                await self._let_wait(message, question)
                await reply_to(message, RESTARTING)
                return
            if self._gate.held:
                await self._let_wait(message, question)
                return
            async with self._lock_of(message.channel.id):
                said = await self._answer_in_order(message, question)
            await self._say(message, question, said)
        except (*DISCORD_ERRORS, aiosqlite.Error) as error:
            line = "Message %d could not be answered, or not be remembered: %s"
            _log.warning(line, message.id, discord_error_detail(error))

    async def _answer_in_order(self, message: discord.Message, question: ChatQuestion) -> str:
        """Answer a message, or let it wait. Returns the model's answer; "" if there is none."""
        if await self._others_wait(message.channel.id):
            await self._let_wait(message, question)
            self._backlog.begin()
            return ""
        answer = LiveAnswer(message, self._edit_interval)
        try:
            async with self._gate.work():
                return await self._writer.write(message, question, answer)
        except FeatureHeldError:
            await self._let_wait(message, question)
        except WorkStoppedError:
            if answer.visible:
                await self._writer.end_early(message, question, answer, STOPPED)
            else:
                await self._let_wait(message, question)
        return ""

    async def _others_wait(self, channel: int) -> bool:
        try:
            return await self._waiting.any_in(channel)
        except aiosqlite.Error as error:
            _log.warning("Messages that wait for an answer can't be read: %s", error)
            return False

    async def _say(self, message: AnyMessage, question: ChatQuestion, said: str) -> None:
        """Say an answer aloud if it answers a recording. If a call begins, the voice stops, and nobody is told."""
        if self.say_answer is not None and question.heard and said:
            await self.say_answer(message, said)

    async def _let_wait(self, message: discord.Message, question: ChatQuestion) -> None:
        entry = WaitingMessage(
            *(message.id, message.channel.id, message.author.id, message.created_at.timestamp()),
            *(question.name, question.text, question.seen),
        )
        try:
            one_too_many = await self._waiting.add(entry)
        except aiosqlite.Error as error:
            _log.warning("Message %d can't be kept until the call is over: %s", message.id, error)
            await reply_to(message, NOT_KEPT)
            return
        if self._gate.held or self._restarting:
            await _react(message)
        if one_too_many:
            await self._dropped.tell()

    async def _answer_waiting(self, entry: WaitingMessage) -> None:
        """Answer a waiting message. If an earlier attempt has posted a part of the answer, that part is edited.

        Raises:
            FeatureHeldError: a call has begun. The message goes on waiting.
            discord.DiscordServerError: Discord has a fault. The message goes on waiting.
        """
        message, question, answer, said = None, None, None, ""
        async with self._lock_of(entry.channel):
            try:
                async with self._gate.work():
                    message = await find_message(self._client, entry.channel, entry.message)
                    question = await self._listen(entry, message) if message is not None else None
                    if message is not None and question is not None:
                        answer = await self._begin_answer(entry, message)
                        said = await self._writer.write(message, question, answer)
                    else:
                        _log.info("Message %d gets no answer: it has no words, or is gone", entry.message)
            except WorkStoppedError:
                if message is None or question is None or answer is None or not answer.visible:
                    return
                await self._writer.end_early(message, question, answer, STOPPED)
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                _log.warning("Message %d is skipped: %s", entry.message, error)
            await self._waiting.remove(entry.message)
        if message is not None and question is not None:
            await self._say(message, question, said)

    async def _listen(self, entry: WaitingMessage, message: AnyMessage) -> ChatQuestion | None:
        """The question of a waiting message, with a transcript of its recordings; ``None`` if it has no content."""
        heard = ""
        if isinstance(message, discord.Message):
            try:
                heard = await self._hear(message)
            except SpokenMessageError as error:
                await reply_to(message, str(error))
                heard = error.heard
        if not (heard or entry.text or entry.seen):
            return None
        return ChatQuestion(entry.author, entry.name, entry.text, entry.seen, heard)

    async def _begin_answer(self, entry: WaitingMessage, message: AnyMessage) -> LiveAnswer:
        if entry.begun_after is None or self._client.user is None:
            await self._waiting.begin(entry.message, newest_id(message))
            return LiveAnswer(message, self._edit_interval, ping=True)
        posted = await replies_by(self._client.user, message, after=entry.begun_after)
        return LiveAnswer(message, self._edit_interval, ping=True, posted=posted)

    def _lock_of(self, channel: int) -> asyncio.Lock:
        """The lock of a channel, held while a message there is answered."""
        lock = self._locks.get(channel)
        if lock is None:
            lock = self._locks[channel] = asyncio.Lock()
        return lock


async def _react(message: discord.Message) -> None:
    try:
        await message.add_reaction(WAITING)
    except DISCORD_ERRORS as error:
        line = "Message %d waits, but the reaction that shows this failed: %s"
        _log.info(line, message.id, discord_error_detail(error))
