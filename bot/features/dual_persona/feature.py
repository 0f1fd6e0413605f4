"""The dual persona feature: tension in a channel rises with its messages, until persona and twin argue there."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.dual_persona.argument_prompts import ArgumentLine, messages_for, typing_time
from bot.features.dual_persona.records import ArgumentRecords
from bot.features.dual_persona.tension import tension_of
from bot.features.dual_persona.webhooks import ChannelWebhooks, avatar_urls
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.errors import ModelError
from bot.llm.history import user_line
from bot.llm.personas import Persona
from bot.llm.prompts import Circumstances, chat_room, date_and_time
from bot.llm.text_model import TextModel, short_line
from bot.text import MESSAGE_LIMIT, shorten
from bot.user_error import UserError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import BipolarSettings

_log = logging.getLogger(__name__)

REMEMBERED = 8
"""Number of a channel's latest messages that the model sees."""
REMEMBERED_CHARS = 300
"""Maximum number of characters that the model sees of each message. The rest of a longer message is cut off."""
NO_PERMISSION = "❌ I need the permission Manage Webhooks in this channel for that."
ALREADY_ARGUING = "🎭 My twin and I are already arguing here."
BROKEN_OFF = "🎭 The argument ends here: {reason}"
WRONG_CHANNEL = "❌ My twin and I argue in text channels only."


class _NoWordsError(Exception):
    """The model wrote no line for one of the two personas. The text names the persona."""


class ArgumentError(UserError):
    """No argument can begin. The text is for the person who asked for one."""


@dataclass(frozen=True, slots=True)
class Tension:
    """The tension of a channel, and when it leads to an argument."""

    score: float
    threshold: float
    """The score at which an argument begins."""
    enabled: bool
    """Whether arguments may begin without a command on this server."""
    cooldown: float
    """Seconds until an argument may begin again without a command; 0 without a cooldown."""


@dataclass(slots=True, eq=False)
class _Argument:
    channel: discord.TextChannel
    recent: tuple[str, ...]
    asked_for: bool = False
    said: list[ArgumentLine] = field(default_factory=list)
    cancelled: bool = False


class DualPersona:
    """Scores the messages of people, and carries out arguments in :meth:`run`. Paused during a call (``Lockable``).

    Args:
        bot: the client that posts the lines, through webhooks.
        zone: the people's time zone (``TIMEZONE``), for the prompt.
        clock: returns seconds since 1970.
        rng: chooses the persona that begins, and randomises the typing times.
        pause: waits the given seconds between two lines.
    """

    name = "dual persona"

    def __init__(
        self,
        bot: discord.Client,
        records: ArgumentRecords,
        model: TextModel,
        persona: Persona,
        twin: Persona,
        settings: BipolarSettings,
        *,
        zone: tzinfo = UTC,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._records = records
        self._model = model
        self._persona = persona
        self._twin = twin
        self._settings = settings
        self._zone = zone
        self._clock = clock
        self._rng = rng or random.Random()
        self._pause = pause
        self._gate = WorkGate(self.name)
        self._webhooks = ChannelWebhooks()
        self._recent: defaultdict[int, deque[str]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._counting = asyncio.Lock()
        self._arguments: dict[int, _Argument] = {}
        self._wanted: asyncio.Queue[_Argument] = asyncio.Queue()
        self._complained: set[int] = set()

    @property
    def arguing(self) -> bool:
        """Whether an argument is in progress in any channel."""
        return bool(self._arguments)

    async def hold(self, reason: str) -> None:
        """Pause. Arguments in progress end after the line that is being written."""
        for argument in self._arguments.values():
            argument.cancelled = True
            _log.info("The argument in #%s is called off: %s", argument.channel, reason)
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume."""
        await self._gate.release()

    async def observe(self, message: discord.Message) -> None:
        """Add a message to its channel's tension. Only messages of people in a server's text channels count."""
        channel = message.channel
        if message.author.bot or message.webhook_id is not None or message.is_system():
            return
        if not isinstance(channel, discord.TextChannel):
            return
        text = clean_prompt(message.clean_content, DiscordNames())
        if not text:
            return
        self._recent[channel.id].append(user_line(message.author.display_name, text[:REMEMBERED_CHARS]))
        async with self._counting:
            if await self._reaches_threshold(channel, text):
                self._begin(channel)

    async def _reaches_threshold(self, channel: discord.TextChannel, text: str) -> bool:
        now = self._clock()
        if channel.id in self._arguments or not await self._records.enabled(channel.guild.id):
            return False
        if await self._records.cooldown_until(channel.id) > now:
            return False
        score = await self._records.score(channel.id, now) + tension_of(text, self._twin)
        if score < self._settings.threshold:
            await self._records.set_score(channel.id, score, now)
            return False
        await self._records.set_score(channel.id, 0.0, now)
        if self._gate.held:
            _log.info("No argument begins in #%s: %s is paused", channel, self.name)
            return False
        return self._may_post(channel)

    def _may_post(self, channel: discord.TextChannel) -> bool:
        if channel.permissions_for(channel.guild.me).manage_webhooks:
            self._complained.discard(channel.id)
            return True
        if channel.id not in self._complained:
            self._complained.add(channel.id)
            _log.warning("No argument can begin in #%s: I lack the permission Manage Webhooks", channel)
        return False

    async def tension(self, guild: int, channel: int) -> Tension:
        """The tension of a channel of a server."""
        now = self._clock()
        return Tension(
            await self._records.score(channel, now),
            self._settings.threshold,
            await self._records.enabled(guild),
            max(0.0, await self._records.cooldown_until(channel) - now),
        )

    async def set_enabled(self, guild: int, enabled: bool) -> None:
        """Allow or forbid arguments that begin without a command on a server."""
        await self._records.set_enabled(guild, enabled)

    def argue(self, channel: object) -> None:
        """Begin an argument now, even without tension.

        Raises:
            ArgumentError: no argument can begin in this channel.
            FeatureHeldError: a call is active.
        """
        if not isinstance(channel, discord.TextChannel):
            raise ArgumentError(WRONG_CHANNEL)
        if self._gate.held:
            _log.info("No argument begins in #%s: %s is paused", channel, self.name)
            raise FeatureHeldError(self.name)
        if channel.id in self._arguments:
            raise ArgumentError(ALREADY_ARGUING)
        if not self._may_post(channel):
            raise ArgumentError(NO_PERMISSION)
        self._begin(channel, asked_for=True)

    def _begin(self, channel: discord.TextChannel, *, asked_for: bool = False) -> None:
        argument = _Argument(channel, tuple(self._recent[channel.id]), asked_for)
        self._arguments[channel.id] = argument
        self._wanted.put_nowait(argument)

    async def run(self) -> None:
        """Carry out arguments, until cancelled."""
        async with asyncio.TaskGroup() as arguments:
            while True:
                argument = await self._wanted.get()
                arguments.create_task(self._carry_out(argument), name=f"argument in #{argument.channel}")

    async def _carry_out(self, argument: _Argument) -> None:
        channel = argument.channel
        try:
            # The cooldown starts before the first line, so that an argument does not begin again right after a crash.
            now = self._clock()
            await self._records.start_cooldown(channel.id, now, now + self._settings.cooldown)
            await self._argue(argument)
        except (FeatureHeldError, WorkStoppedError):
            _log.info("The argument in #%s ends after %d lines: %s is paused", channel, len(argument.said), self.name)
        except (ModelError, _NoWordsError) as error:
            await self._break_off(argument, str(error))
        except DISCORD_ERRORS as error:
            await self._break_off(argument, f"Discord did not take a line: {discord_error_detail(error)}")
        except Exception:
            _log.exception("The argument in #%s ends after %d lines", channel, len(argument.said))
            await self._explain_end(argument, "something went wrong on my side.")
        finally:
            del self._arguments[channel.id]

    async def _argue(self, argument: _Argument) -> None:
        author, other = self._rng.sample((self._persona, self._twin), 2)
        for _ in range(self._settings.turns):
            if argument.said:
                await self._pause(typing_time(argument.said[-1], self._rng))
            if argument.cancelled:
                return
            async with self._gate.work():
                asked = messages_for(author, other, argument.recent, argument.said, self._circumstances(argument))
                text = await short_line(self._model, asked, author, argument.channel.guild.id)
                if not text:
                    raise _NoWordsError(f"{author.name} had nothing to say.")
                await self._webhooks.post(argument.channel, author.name, self._avatar_url(author), text)
            argument.said.append(ArgumentLine(author, text))
            author, other = other, author

    async def _break_off(self, argument: _Argument, reason: str) -> None:
        _log.warning("The argument in #%s ends after %d lines: %s", argument.channel, len(argument.said), reason)
        await self._explain_end(argument, reason)

    async def _explain_end(self, argument: _Argument, reason: str) -> None:
        """Say in the channel why the argument ended, if it had begun or somebody had asked for it."""
        if not argument.asked_for and not argument.said:
            return
        text = shorten(BROKEN_OFF.format(reason=reason), MESSAGE_LIMIT)
        try:
            await argument.channel.send(text, allowed_mentions=discord.AllowedMentions.none())
        except DISCORD_ERRORS as error:
            reason = discord_error_detail(error)
            _log.warning("Nobody could be told that the argument in #%s is over: %s", argument.channel, reason)

    def _circumstances(self, argument: _Argument) -> Circumstances:
        channel = argument.channel
        people = [line.partition(": ")[0] for line in argument.recent]
        now = datetime.fromtimestamp(self._clock(), self._zone)
        return Circumstances(chat_room(channel.name, channel.guild.name, people), date_and_time(now))

    def _avatar_url(self, author: Persona) -> str:
        if self._bot.user is None:
            raise RuntimeError("the bot is not logged in")
        own, twins = avatar_urls(self._bot.user)
        return own if author is self._persona else twins
