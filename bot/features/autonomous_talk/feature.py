"""The autonomous talk feature: when a conversation pauses, the bot sometimes posts without being asked."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, tzinfo

import discord

from bot.characters import Characters
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.autonomous_talk.records import ChannelRecords
from bot.features.autonomous_talk.timing import QuietHours, is_good_moment
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.errors import ModelError
from bot.llm.history import speakers_of_messages, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Character
from bot.llm.prompts import Circumstances, chat_room, date_and_time, system_prompt
from bot.llm.text_model import TextModel, short_line
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import AutonomousSettings

_log = logging.getLogger(__name__)

REMEMBERED = 12
"""Number of a channel's latest messages that the model sees."""
REMEMBERED_CHARS = 300
"""Maximum number of characters that the model sees of each message. The rest of a longer message is cut off."""
POLL = 30.0
"""Seconds between two checks of the channels."""

_RULES = """\
You are in a text channel with friends. The conversation below has paused, and you feel like saying something.
- Write one or two short sentences that go on from what was said: a thought, a question, something that you remembered.
- Do not greet, do not say that it is quiet, and do not answer what has been answered.
- Write plain words only: no markdown, links, mentions or stage directions, and no name before your line.
- Write in the language of the conversation."""


class AutonomousTalk:
    """Remembers recent messages, and posts in :meth:`run`. Paused during a call (:class:`~bot.lease.Lockable`).

    Args:
        zone: the people's time zone (``TIMEZONE``), for the quiet hours and the prompt.
        clock: returns seconds since 1970.
        rng: randomises the time between two posts.
        sleep: waits the given seconds between two checks of the channels.
    """

    name = "autonomous talk"

    def __init__(
        self,
        bot: discord.Client,
        records: ChannelRecords,
        model: TextModel,
        characters: Characters,
        settings: AutonomousSettings,
        zone: tzinfo,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._records = records
        self._model = model
        self._characters = characters
        self._minutes = settings.minutes
        self._quiet = QuietHours.parse(settings.quiet_hours)
        self._zone = zone
        self._clock = clock
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._gate = WorkGate(self.name)
        self._recent: dict[int, deque[str]] = {}

    async def hold(self, reason: str) -> None:
        """Pause."""
        _log.info("%s is paused: %s", self.name, reason)
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume."""
        await self._gate.release()

    async def opt_in(self, channel: int) -> None:
        """Allow posts in a channel."""
        await self._records.opt_in(channel, self._next_due())

    async def opt_out(self, channel: int) -> None:
        """Allow no more posts in a channel, and forget its messages."""
        await self._records.opt_out(channel)
        self._recent.pop(channel, None)

    async def opted_in(self, channel: int) -> bool:
        """Whether posts are allowed in a channel."""
        return await self._records.opted_in(channel)

    async def observe(self, message: discord.Message) -> None:
        """Remember a person's message if posts are allowed in its channel."""
        if message.author.bot or message.webhook_id is not None or message.is_system():
            return
        channel = message.channel.id
        # The database is written only for channels that have opted in. Elsewhere, a person who waits for an answer does
        # not wait for a write too.
        if not (await self._records.opted_in(channel) and await self._records.note_message(channel, self._clock())):
            return
        text = clean_prompt(message.clean_content, DiscordNames())
        if text:
            recent = self._recent.setdefault(message.channel.id, deque(maxlen=REMEMBERED))
            recent.append(user_line(message.author.display_name, text[:REMEMBERED_CHARS]))

    async def run(self) -> None:
        """Post in channels at good moments, until cancelled."""
        while True:
            try:
                await self._check_channels()
            except Exception:
                _log.exception("Could not post")
            await self._sleep(POLL)

    async def _check_channels(self) -> None:
        hour = datetime.fromtimestamp(self._clock(), self._zone).hour
        if self._gate.held or self._quiet.cover(hour):
            return
        for record in await self._records.all():
            channel = self._bot.get_channel(record.channel)
            if is_good_moment(record, self._clock()) and isinstance(channel, discord.TextChannel):
                await self._try_to_post(channel)

    async def _try_to_post(self, channel: discord.TextChannel) -> None:
        # After a restart no message is known. People have to write first, so that the post can refer to their messages.
        if not self._recent.get(channel.id) or not channel.permissions_for(channel.guild.me).send_messages:
            return
        try:
            async with self._gate.work():
                await self._post(channel)
        except FeatureHeldError:
            return
        except (ModelError, WorkStoppedError, *DISCORD_ERRORS) as error:
            _log.warning("Nothing is said in #%s: %s", channel, discord_error_detail(error))
            await self._records.postpone(channel.id, self._next_due())

    async def _post(self, channel: discord.TextChannel) -> None:
        recent = self._recent[channel.id]
        newest = recent[-1]
        character = self._characters.at(channel.guild.id)
        asked = self._messages(channel, character, recent)
        text = await short_line(self._model, asked, character.persona, channel.guild.id)
        if not text:
            _log.warning("Nothing is said in #%s: the model wrote no words", channel)
            await self._records.postpone(channel.id, self._next_due())
        elif recent[-1] is newest and await self._records.opted_in(channel.id):
            # The post is recorded before it is sent. If the bot crashes in between, it does not post again after its
            # restart.
            await self._records.note_post(channel.id, self._next_due())
            await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
            recent.append(user_line(character.persona.name, text))

    def _messages(
        self, channel: discord.TextChannel, character: Character, recent: Iterable[str]
    ) -> tuple[ChatMessage, ...]:
        talk = ChatMessage("user", "\n".join(recent))
        people = [name for name in speakers_of_messages([talk]) if name != character.persona.name]
        room = chat_room(channel.name, channel.guild.name, people)
        now = date_and_time(datetime.fromtimestamp(self._clock(), self._zone))
        system = system_prompt(character.persona, character.mood, _RULES, Circumstances(room, now))
        return ChatMessage("system", system), talk

    def _next_due(self) -> float:
        return self._clock() + self._minutes * 60 * self._rng.uniform(0.5, 1.5)
