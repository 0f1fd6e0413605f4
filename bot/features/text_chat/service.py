"""The text chat: answers at once, or keeps a message during a call and answers it afterwards."""

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
from bot.features.text_chat.backlog import Backlog
from bot.features.text_chat.live_answer import LiveAnswer
from bot.features.text_chat.memory import ChatMemory
from bot.features.text_chat.open_channels import OpenChannels
from bot.features.text_chat.past_messages import find_message, newest_id, replies_by
from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.features.text_chat.writer import ChatQuestion, Writer
from bot.llm.small_model import SmallPrompts
from bot.llm.text_model import TextModel
from bot.replying import AnyMessage, reply_to
from bot.spoken_messages.listener import SpokenMessageError
from bot.work_gate import IN_FLIGHT_LIMIT, FeatureHeldError, WorkGate, WorkStoppedError
from config.sections import ChatSettings

_log = logging.getLogger(__name__)

Hear = Callable[[discord.Message], Awaitable[str]]
"""What is said in a message's recordings; "" where there are none. Raises ``SpokenMessageError``."""

WAITS = "🎤"
DROPPED = (
    "🎤 Too many messages came while I was talking in voice chat, so I could not keep this one. Please ask me again."
)
STOPPED = "🎤 *I have to stop here: I'm going into voice chat.*"


@dataclass(frozen=True, slots=True)
class ChatPace:
    """In seconds.

    Args:
        edit_interval: between two changes of a growing answer.
        queue_pause: between two answers to what has waited.
        hold_limit: that an answer may take to end by itself once a call begins.
    """

    edit_interval: float = 1.0
    queue_pause: float = 2.0
    hold_limit: float = IN_FLIGHT_LIMIT


USUAL_PACE = ChatPace()


async def hear_nothing(_message: discord.Message) -> str:
    """Where nobody listens, every message is silent."""
    return ""


class TextChat:
    """Answers in writing; a :class:`~bot.lease.Lockable`. Made by :meth:`open`.

    In each channel one message is answered after the other. While it is held, messages are kept, and answered in order
    once it is released. :meth:`resume` goes on with what an earlier process has kept; :meth:`close` ends it.

    Args:
        client: where waiting messages are found again.
        characters: who answers where.
        memory: what was written where.
        open_channels: where every message is answered.
        hear: what is said in the recordings of a message that has waited.
    """

    def __init__(
        self,
        client: discord.Client,
        characters: Characters,
        memory: ChatMemory,
        open_channels: OpenChannels,
        waiting: WaitingMessages,
        writer: Writer,
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
        self._gate = gate
        self._backlog = Backlog(waiting, self._answer_waiting, pause)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._telling = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        client: discord.Client,
        database: Database,
        model: TextModel,
        characters: Characters,
        settings: ChatSettings,
        *,
        pace: ChatPace = USUAL_PACE,
        clock: Callable[[], datetime],
        beginnings: SmallPrompts,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        hear: Hear = hear_nothing,
        conversations: Conversations | None = None,
    ) -> Self:
        """Put it together.

        Args:
            hear: what is said in the recordings of a message that has waited.
            conversations: where what is asked and answered is kept.
            clock: what time it is, in the time zone of the people.
            beginnings: what a small model is told.
            sleep: how to wait between two answers to what has waited.

        Raises:
            aiosqlite.Error: the tables can't be made.
        """
        memory = ChatMemory(database, settings.memory_messages)
        return cls(
            client,
            characters,
            memory,
            await OpenChannels.open(database, settings.channels),
            WaitingMessages(database),
            Writer(model, characters, memory, conversations, settings.context_messages, clock, beginnings),
            WorkGate("text channels", limit=pace.hold_limit),
            pace.edit_interval,
            lambda: sleep(pace.queue_pause),
            hear,
            conversations,
        )

    @property
    def name(self) -> str:
        """What ``!voice-status`` calls it."""
        return self._gate.name

    @property
    def held(self) -> bool:
        """Whether messages wait now."""
        return self._gate.held

    async def hold(self, reason: str) -> None:
        """Answer no more; returns when no answer is being written. One that takes too long ends with a word on why."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Answer again, first of all what has waited."""
        await self._gate.release()
        self._backlog.begin()

    async def resume(self) -> None:
        """Go on with what an earlier process has left waiting; once, when Discord has told us everything it knows."""
        if not self._gate.held:
            self._backlog.begin()
        await self._tell_dropped()

    async def close(self) -> None:
        """Stop answering what has waited; it is kept for the next start."""
        await self._backlog.close()

    def is_meant(self, message: discord.Message) -> bool:
        """Whether a message is for the bot.

        It is in private, with a mention of it or of its role, as a reply to it, and in an open channel.
        """
        me, channel = self._client.user, message.channel
        if isinstance(channel, discord.DMChannel):
            return True
        if me in message.mentions or _mentions_own_role(message):
            return True
        replied_to = message.reference.resolved if message.reference is not None else None
        if isinstance(replied_to, discord.Message) and replied_to.author == me:
            return True
        home = channel.parent if isinstance(channel, discord.Thread) else channel
        return isinstance(home, discord.abc.GuildChannel) and home in self.open_channels

    async def forget(self, channel: int) -> int:
        """Forget what was said in this channel, and in calls that belong to it; returns how many messages that were.

        Raises:
            aiosqlite.Error: not all of it can be deleted.
        """
        remembered = await self._memory.forget(channel)
        kept = await self._conversations.forget_channel(channel) if self._conversations is not None else 0
        return max(remembered, kept)

    async def remembers(self, message: discord.Message) -> bool:
        """Whether the model sees one of the bot's own messages anyway, among what was written before."""
        try:
            return await self._writer.remembers(message)
        except aiosqlite.Error as error:
            _log.warning("What was written in channel %d could not be read: %s", message.channel.id, error)
            return False

    async def answer(self, message: discord.Message, text: str, seen: str | None = None, heard: str = "") -> None:
        """Answer a message, or keep it for later; returns when that is done. Faults are told there, or logged.

        Args:
            text: what it says, in plain words.
            seen: what the pictures show that came with it.
            heard: what is said in its recordings. It is not kept: where the message has to wait, it is heard again.
        """
        question = ChatQuestion(message.author.id, message.author.display_name, text, seen, heard)
        try:
            if self._gate.held:
                await self._keep(message, question)
                return
            async with self._turn(message.channel.id):
                await self._answer_in_turn(message, question)
        except (discord.HTTPException, aiosqlite.Error) as error:
            _log.warning("Message %d could not be answered, or not be remembered: %s", message.id, error)

    async def _answer_in_turn(self, message: discord.Message, question: ChatQuestion) -> None:
        if await self._waiting.any_in(message.channel.id):
            await self._keep(message, question)
            self._backlog.begin()
            return
        answer = LiveAnswer(message, self._edit_interval)
        try:
            async with self._gate.work():
                await self._writer.write(message, question, answer)
        except FeatureHeldError:
            await self._keep(message, question)
        except WorkStoppedError:
            if not answer.visible:
                await self._keep(message, question)
                return
            await self._writer.end_early(message, question, answer, STOPPED)

    async def _keep(self, message: discord.Message, question: ChatQuestion) -> None:
        one_too_many = await self._waiting.add(
            WaitingMessage(
                message.id,
                message.channel.id,
                message.author.id,
                message.created_at.timestamp(),
                question.name,
                question.text,
                question.seen,
            )
        )
        if self._gate.held:
            await _react(message)
        if one_too_many:
            await self._tell_dropped()

    async def _tell_dropped(self) -> None:
        async with self._telling:
            while (dropped := await self._waiting.first_dropped()) is not None:
                await self._waiting.remove(dropped.message)
                try:
                    message = await find_message(self._client, dropped.channel, dropped.message)
                    if isinstance(message, discord.Message):
                        await reply_to(message, DROPPED)
                except discord.HTTPException as error:
                    _log.warning("Nobody could be told that message %d was dropped: %s", dropped.message, error)

    async def _answer_waiting(self, it: WaitingMessage) -> None:
        """Answer it, exactly once: an answer that an earlier try has begun is found and written anew.

        Raises:
            FeatureHeldError: a call has begun; it goes on waiting.
            discord.DiscordServerError: Discord can't take it now.
        """
        message, question, answer = None, None, None
        async with self._turn(it.channel):
            try:
                async with self._gate.work():
                    message = await find_message(self._client, it.channel, it.message)
                    question = await self._listen(it, message) if message is not None else None
                    if message is not None and question is not None:
                        answer = await self._begin(it, message)
                        await self._writer.write(message, question, answer)
            except WorkStoppedError:
                if message is None or question is None or answer is None or not answer.visible:
                    return
                await self._writer.end_early(message, question, answer, STOPPED)
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                _log.warning("Message %d is skipped: %s", it.message, error)
            await self._waiting.remove(it.message)

    async def _listen(self, it: WaitingMessage, message: AnyMessage) -> ChatQuestion | None:
        """What was asked, with what is said in its recordings; ``None``: there is nothing to answer."""
        heard = ""
        if isinstance(message, discord.Message):
            try:
                heard = await self._hear(message)
            except SpokenMessageError as error:
                await reply_to(message, str(error))
                heard = error.heard
        return ChatQuestion(it.author, it.name, it.text, it.seen, heard) if heard or it.text or it.seen else None

    async def _begin(self, it: WaitingMessage, message: AnyMessage) -> LiveAnswer:
        if it.begun_after is None or self._client.user is None:
            await self._waiting.begin(it.message, newest_id(message))
            return LiveAnswer(message, self._edit_interval, ping=True)
        posted = await replies_by(self._client.user, message, after=it.begun_after)
        return LiveAnswer(message, self._edit_interval, ping=True, posted=posted)

    def _turn(self, channel: int) -> asyncio.Lock:
        """Whoever answers in this channel holds it."""
        turn = self._turns.get(channel)
        if turn is None:
            turn = self._turns[channel] = asyncio.Lock()
        return turn


def _mentions_own_role(message: discord.Message) -> bool:
    """Discord suggests a bot's role beside the bot itself, so people mention either."""
    role = message.guild.self_role if message.guild is not None else None
    return role is not None and (role in message.role_mentions or role.id in message.raw_role_mentions)


async def _react(message: discord.Message) -> None:
    try:
        await message.add_reaction(WAITS)
    except discord.HTTPException as error:
        _log.info("Message %d waits, and its author could not be shown: %s", message.id, error)
