"""The voice messages feature: speaks texts in voice messages. It is paused during a call, which needs the voice."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import discord

from audio.samples import SPEAKING_RATE, Samples
from audio.voice_message import VoiceMessage, VoiceMessageEncoder
from bot.access import RateLimit, wait_text
from bot.characters import scope_at
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.feature import Say
from bot.features.voice_messages.posting import FILENAME, VoiceMessagesForbiddenError, post_voice_message
from bot.replying import NOBODY, AnyMessage
from bot.speech_server.errors import SpeechUnavailable
from bot.user_error import UserError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

MAX_CHARACTERS = 2_000
"""Maximum number of characters of a text: about two minutes."""
MAX_SECONDS = 600.0
"""Longest voice message, in seconds. Such a message has 3.6 MB; Discord takes up to 10 MB."""
SPEAKING_LIMIT = 300.0
"""Seconds in which the whole sound of one voice message must be made."""
HOLD_LIMIT = 3.0
"""Seconds for which a starting call waits for voice messages that are being spoken."""

HELD = (
    "🎤 I can't record a voice message right now, I'm talking in voice chat! Ask me again after I leave the voice "
    "channel."
)
STOPPED = (
    "🎤 I had to stop this voice message: I'm talking in voice chat now. Ask me again after I leave the voice channel."
)
NO_WORDS = "❌ There are no words in that text that I could say."
NO_VOICE = "❌ My voice is not there at the moment, so I can't record a voice message. Please try again later."
TOO_LONG = "❌ That text takes me too long to say. Please send me a shorter one."
ALREADY = "⏳ One voice message at a time: I'm still speaking your last one."
NO_FILES = "❌ I may not send files here. People who manage this server can give me the permission *Attach Files*."
AS_A_FILE = (
    "🔉 I may not send voice messages here (the permission *Send Voice Messages*), so this is the sound as a file."
)
NOT_TAKEN = "❌ I spoke it, but Discord did not accept the voice message. Please try again later."
CANT_SAY_ANSWER = "-# 🔇 I can't say my answers at the moment, so I only write them."


class NoVoiceError(UserError):
    """The speech server is away, or can't speak."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a voice message is posted.

    Attributes:
        reply_to: the id of the message that it replies to; ``None`` if it replies to none.
    """

    channel: discord.abc.MessageableChannel
    guild: discord.Guild | None
    reply_to: int | None = None

    @property
    def scope(self) -> int:
        """The id of the server, or of the channel in direct messages. Persona, mood and voice are chosen for it."""
        return scope_at(self.guild, self.channel)


class VoiceMessages:
    """Speaks texts in voice messages (:class:`~bot.lease.Lockable`). Not thread-safe.

    Args:
        client: the client that posts them.
        say: speaks a text; see :data:`Say`.
        rate: how often one person may ask for one.
    """

    name = "voice messages"

    def __init__(
        self,
        client: discord.Client,
        say: Say,
        rate: RateLimit,
    ) -> None:
        self._client = client
        self._say = say
        self._rate = rate
        self._gate = WorkGate(self.name, limit=HOLD_LIMIT)
        self._speaking = asyncio.Lock()
        self._askers: set[int] = set()
        self._silent = False

    async def hold(self, reason: str) -> None:
        """Pause. What can't be spoken within :data:`HOLD_LIMIT` is stopped."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume."""
        await self._gate.release()

    async def post(self, place: Place, text: str, asker: int) -> None:
        """Speak a text, and post it as a voice message, or as a sound file where voice messages are not allowed.

        Args:
            asker: the user id of the person who wants it. Each person gets one voice message at a time.

        Raises:
            UserError: there is no voice message. The text says why.
        """
        if not text or len(text) > MAX_CHARACTERS:
            raise UserError(TOO_LONG if text else NO_WORDS)
        if not _permissions(place).attach_files:
            raise UserError(NO_FILES)
        if asker in self._askers:
            raise UserError(ALREADY)
        if wait := self._rate.take(asker):
            raise UserError(wait_text(wait))
        self._askers.add(asker)
        try:
            message = await self._speak(text, place.scope)
            await self._send(place, message)
        except DISCORD_ERRORS as error:
            line = "A voice message could not be posted in channel %d: %s"
            _log.warning(line, place.channel.id, discord_error_detail(error))
            raise UserError(NOT_TAKEN) from error
        finally:
            self._askers.discard(asker)

    async def answer(self, message: AnyMessage, text: str) -> None:
        """Say the written answer to a voice message in another voice message, which replies to the first one.

        Nothing is said if ``message`` is no voice message, if the answer is too long, or if a call prevents it. If
        there is no voice, people are told so once; they are told again only if there has been a voice meanwhile.
        """
        if not isinstance(message, discord.Message) or not message.flags.voice or len(text) > MAX_CHARACTERS:
            return
        place = Place(message.channel, message.guild, message.id)
        allowed = _permissions(place)
        if not (allowed.attach_files and allowed.send_voice_messages):
            return
        try:
            answer = await self._speak(text, place.scope)
            self._silent = False
            await post_voice_message(self._client, message.channel.id, answer, message.id)
        except NoVoiceError:
            await self._tell_silent(message.channel)
        except (UserError, VoiceMessagesForbiddenError, *DISCORD_ERRORS) as error:
            _log.info("The answer to message %d is only written: %s", message.id, discord_error_detail(error))

    async def _tell_silent(self, channel: discord.abc.MessageableChannel) -> None:
        if self._silent:
            return
        self._silent = True
        try:
            await channel.send(CANT_SAY_ANSWER, allowed_mentions=NOBODY)
        except DISCORD_ERRORS as error:
            _log.warning("Nobody could be told that answers are only written: %s", discord_error_detail(error))

    async def _speak(self, text: str, scope: int) -> VoiceMessage:
        """The spoken text; raises :class:`UserError`. One text is spoken at a time."""
        try:
            async with self._gate.work(), self._speaking, asyncio.timeout(SPEAKING_LIMIT):
                message = await _encoded(self._say(text, scope))
        except FeatureHeldError:
            raise UserError(HELD) from None
        except WorkStoppedError:
            raise UserError(STOPPED) from None
        except TimeoutError:
            raise UserError(TOO_LONG) from None
        except SpeechUnavailable as error:
            _log.warning("A voice message could not be spoken: %s", error)
            raise NoVoiceError(NO_VOICE) from error
        if not message.seconds:
            raise UserError(NO_WORDS)
        return message

    async def _send(self, place: Place, message: VoiceMessage) -> None:
        """Post a voice message, or a sound file if voice messages are not allowed."""
        if _permissions(place).send_voice_messages:
            try:
                await post_voice_message(self._client, place.channel.id, message, place.reply_to)
            except VoiceMessagesForbiddenError:
                _log.info("Channel %d takes no voice messages, so a sound file is sent", place.channel.id)
            else:
                return
        file = discord.File(io.BytesIO(message.ogg), FILENAME)
        await place.channel.send(AS_A_FILE, file=file, allowed_mentions=NOBODY)


async def _encoded(sound: AsyncGenerator[Samples, None]) -> VoiceMessage:
    """The sound as a voice message; raises :class:`UserError` if it is too long."""
    encoder = VoiceMessageEncoder()
    async with aclosing(sound):
        async for samples in sound:
            if encoder.seconds + len(samples) / SPEAKING_RATE > MAX_SECONDS:
                raise UserError(TOO_LONG)
            await asyncio.to_thread(encoder.encode, samples)
    return await asyncio.to_thread(encoder.finish)


def _permissions(place: Place) -> discord.Permissions:
    """What the bot may do in the channel. In direct messages it may send everything."""
    if place.guild is None or isinstance(place.channel, discord.DMChannel | discord.PartialMessageable):
        return discord.Permissions.all()
    return place.channel.permissions_for(place.guild.me)
