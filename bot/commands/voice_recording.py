"""Records a person in the call for voice cloning. The person is asked first. Only complete recordings are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import discord
from discord.ext import commands
from discord.utils import escape_markdown

from audio.samples import HEARING_RATE, Sound16
from audio.wav import to_wav
from bot.command_helpers import require_guild
from bot.commands.asking import ANSWER_SECONDS, ButtonAnswer, Choices, ask
from bot.speech_server.voices import RecordingUpload
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel
from bot.voice.records.voice_sample import SAMPLE_SECONDS, SampleError

Context = commands.Context[Any]

NO_CALL = "❌ I can only record people in a call, and I'm not in one on this server. Use `{prefix}join` first."
NOT_THERE = "❌ {name} is not in the call. To be recorded, they have to be in {channel} with me."
NO_BOTS = "❌ I can't record bots, only people who say yes."
QUESTION = (
    "🎙️ {mention}, may I record {seconds:.0f} seconds of your voice, so that I can speak with it as **{voice}**? "
    "{asker} asked for it. The people who run me keep the recording until that voice is deleted. "
    "Without a yes within {timeout:.0f} seconds I record nothing."
)
REFUSED = "👍 Not recorded, {name}: you said no."
UNANSWERED = "👍 Not recorded: {name} did not answer."
READY = "🎙️ Thank you, {name}. Get ready… {count}"
SPEAK = (
    "🔴 **Speak now, {name}**: {seconds:.0f} seconds, as you usually talk. "
    "Tell me what you did today, or read something aloud."
)
NOTHING_KEPT = "🙉 {reason} I kept nothing."


class SampleTaker(Protocol):
    """Takes voice samples in a call."""

    async def take(self, person: int) -> Sound16:
        """Record some seconds of a person's speech; raises :class:`~bot.voice.records.voice_sample.SampleError`."""
        ...


class SampledCall(Protocol):
    """The part of a call that a recording needs."""

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel of the call."""
        ...

    @property
    def samples(self) -> SampleTaker:
        """Takes voice samples in the call."""
        ...


class VoiceRecordings:
    """Asks people for their consent and records them.

    Args:
        call: takes a server's id, and returns the current call on this server; ``None`` if there is none.
        answer_seconds: seconds in which the person can answer.
        count_down: seconds between the person's yes and the recording.
    """

    def __init__(
        self,
        call: Callable[[int], SampledCall | None],
        prefix: str,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        count_down: int = 3,
    ) -> None:
        self._call = call
        self._prefix = prefix
        self._answer_seconds = answer_seconds
        self._count_down = count_down

    async def record(
        self, ctx: Context, person: discord.Member, voice: str
    ) -> tuple[discord.Message, RecordingUpload] | None:
        """Ask a person, and record them if they agree. The message with the question also shows the result.

        Returns:
            the message, which the caller may edit, and the recording; ``None`` if nothing was recorded.

        Raises:
            UserError: the person could not be asked.
        """
        self._require(ctx, person)
        name = escape_markdown(person.display_name)
        question = QUESTION.format(
            mention=person.mention,
            seconds=SAMPLE_SECONDS,
            voice=escape_markdown(voice),
            timeout=self._answer_seconds,
            asker="You" if person.id == ctx.author.id else escape_markdown(ctx.author.display_name),
        )
        asked = await ask(ctx, person, question, Choices("Yes, record me", "No"), seconds=self._answer_seconds)
        message = asked.message
        if asked.answer is not ButtonAnswer.YES:
            text = REFUSED if asked.answer is ButtonAnswer.NO else UNANSWERED
            await message.edit(content=text.format(name=name), view=None)
            return None
        try:
            # Up to a minute has passed. The call may have ended, or the person may have left it.
            call = self._require(ctx, person)
        except UserError as error:
            await message.edit(content=str(error), view=None)
            return None
        for count in range(self._count_down, 0, -1):
            await message.edit(content=READY.format(name=name, count=count), view=None)
            await asyncio.sleep(1.0)
        await message.edit(content=SPEAK.format(name=name, seconds=SAMPLE_SECONDS), view=None)
        try:
            sound = await call.samples.take(person.id)
        except SampleError as error:
            await message.edit(content=NOTHING_KEPT.format(reason=error))
            return None
        return message, RecordingUpload("recorded.wav", await asyncio.to_thread(to_wav, sound, HEARING_RATE))

    def _require(self, ctx: Context, person: discord.Member) -> SampledCall:
        call = self._call(require_guild(ctx).id)
        if call is None:
            raise UserError(NO_CALL.format(prefix=self._prefix))
        if person.bot:
            raise UserError(NO_BOTS)
        if all(member.id != person.id for member in call.channel.members):
            raise UserError(NOT_THERE.format(name=escape_markdown(person.display_name), channel=call.channel.mention))
        return call
