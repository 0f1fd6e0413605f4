"""The ``listen``, ``optout``, ``optin``, ``record``, ``captions`` and ``mode`` commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import NO_CALL
from bot.command_helpers import require_guild
from bot.consent import ListeningConsent
from bot.llm.spoken_lines import Announcement
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel
from bot.voice.listening_notice import (
    RECORDING_ENDED,
    CallMode,
    recording_began,
    recording_newcomer,
)
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.recorder import RecordingError
from config.sections import Captions

Context = commands.Context[Any]
Switch = Literal["on", "off"]

NOT_SAVED = " I couldn't save that, though: please tell me again after a restart."
CAPTIONS_NEEDED = "❌ At the moment I only write captions. Use `{prefix}mode talk` first."

_CAPTIONS = {
    Captions.OFF: "💬 Captions are off: I don't write down what is said.",
    Captions.CHANNEL: "💬 Captions are on: I write who said what in my prompt channel.",
    Captions.THREAD: "💬 Captions are on: I write who said what in a thread of my prompt channel.",
}


class RecordingControls(Protocol):
    """The recordings of a call."""

    @property
    def on(self) -> bool:
        """Whether the call is recorded, or its recording is being announced."""
        ...

    async def start(self, written: str) -> None:
        """Announce the recording, then start it. Raises :class:`RecordingError`."""
        ...

    async def stop(self) -> None:
        """End the recording and close its files."""
        ...


class ListeningControls(Protocol):
    """The part of a call that these commands need."""

    listening: bool
    """Whether the call listens to people. If it is set to False, audio that is being processed is discarded."""
    captions: Captions
    mode: CallMode

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel of the call."""
        ...

    @property
    def recordings(self) -> RecordingControls:
        """The recordings of the call."""
        ...

    async def announce(self, written: str, spoken: Announcement | None = None) -> PromptHandle | None:
        """Announce something to everyone in the call: in the prompt channel and, with ``spoken``, aloud."""
        ...


class ListeningCommands(commands.Cog, name="Listening"):
    """Commands that decide whom I listen to, and what I store of a call.

    Args:
        call: takes a server's id, and returns the current call on this server; ``None`` if there is none.
    """

    def __init__(self, call: Callable[[int], ListeningControls | None], consent: ListeningConsent, prefix: str) -> None:
        self._call = call
        self._consent = consent
        self._prefix = prefix

    def _current_call(self, ctx: Context) -> ListeningControls:
        call = self._call(require_guild(ctx).id)
        if call is None:
            raise UserError(NO_CALL)
        return call

    @commands.hybrid_command(
        description="Show whether I listen in this call, or turn it on or off for everyone.",
        usage="[on|off]",
        brief="whether I listen",
        extras={"example": "off"},
    )
    @commands.guild_only()
    @app_commands.describe(state="on or off. Leave it empty to see the current state.")
    async def listen(self, ctx: Context, state: Switch = commands.parameter(default=None)) -> None:
        """Show whether I listen in this call, or turn it on or off for everyone."""
        await ctx.defer()
        call = self._current_call(ctx)
        if state is not None:
            call.listening = state == "on"
        await ctx.send(self._listening_state(call, ctx.author.id))

    def _listening_state(self, call: ListeningControls, asker: int) -> str:
        if not call.listening:
            return (
                f"🙉 I don't listen to anybody in this call; you can still type. `{self._prefix}listen on` makes me "
                "listen again."
            )
        if self._consent.admits(asker):
            return f"👂 I listen in this call, to you too. If you don't want that: `{self._prefix}optout`."
        return f"👂 I listen in this call, but not to you. `{self._prefix}optin` allows it."

    @commands.hybrid_command(
        description="Stop me from listening to you, in this call and later ones.",
        brief="stop listening to you",
    )
    async def optout(self, ctx: Context) -> None:
        """Stop me from listening to you, in this call and later ones."""
        await ctx.defer(ephemeral=True)
        remembered = await self._consent.opt_out(ctx.author.id)
        await ctx.send(
            "🙉 I don't listen to you any more, and I have deleted what I still had of your voice and remembered "
            f"of you. `{self._prefix}optin` undoes it.{'' if remembered else NOT_SAVED}",
            ephemeral=True,
        )

    @commands.hybrid_command(
        description="Allow me to listen to you, in this call and later ones.", brief="listen to you again"
    )
    async def optin(self, ctx: Context) -> None:
        """Allow me to listen to you, in this call and later ones."""
        await ctx.defer(ephemeral=True)
        remembered = await self._consent.opt_in(ctx.author.id)
        await ctx.send(
            f"👂 I listen to you in my calls. `{self._prefix}optout` ends it.{'' if remembered else NOT_SAVED}",
            ephemeral=True,
        )

    @commands.hybrid_command(
        description="Show whether this call is recorded, or turn recording on or off.",
        usage="[on|off]",
        brief="record this call",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(state="on or off. Leave it empty to see the current state.")
    async def record(self, ctx: Context, state: Switch = commands.parameter(default=None)) -> None:
        """Show whether this call is recorded, or turn recording on or off; everyone is told."""
        await ctx.defer()
        call = self._current_call(ctx)
        if state == "on" and not call.recordings.on:
            await self._start_recording(ctx, call)
        elif state == "off" and call.recordings.on:
            await call.recordings.stop()
            await call.announce(RECORDING_ENDED, Announcement.RECORDING_ENDED)
        await ctx.send("🔴 I'm recording." if call.recordings.on else "⏹️ I'm not recording.")

    async def _start_recording(self, ctx: Context, call: ListeningControls) -> None:
        try:
            await call.recordings.start(recording_began(self._prefix, ctx.author.display_name))
        except RecordingError as error:
            raise UserError(f"❌ {error}") from error

    @commands.hybrid_command(
        description="Show or choose where I write down who said what: nowhere, in a channel, in a thread.",
        usage="[off|channel|thread]",
        brief="who said what",
        extras={"example": "thread"},
    )
    @commands.guild_only()
    @app_commands.describe(place="off, channel or thread. Leave it empty to see the current place.")
    async def captions(
        self, ctx: Context, place: Literal["off", "channel", "thread"] = commands.parameter(default=None)
    ) -> None:
        """Show or choose where I write down who said what: nowhere, in my prompt channel, or in a thread of it."""
        await ctx.defer()
        call = self._current_call(ctx)
        if place == "off" and call.mode is CallMode.TRANSCRIBE:
            raise UserError(CAPTIONS_NEEDED.format(prefix=self._prefix))
        if place is not None:
            call.captions = Captions(place)
        await ctx.send(_CAPTIONS[call.captions])

    @commands.hybrid_command(
        description="Show or choose whether I answer what I hear, or only write it down.",
        usage="[talk|transcribe]",
        brief="answer or only write",
        extras={"example": "transcribe"},
    )
    @commands.guild_only()
    @app_commands.describe(mode="talk: answer; transcribe: only write down. Leave it empty to see the current mode.")
    async def mode(self, ctx: Context, mode: Literal["talk", "transcribe"] = commands.parameter(default=None)) -> None:
        """Show or choose whether I answer what I hear, or only write it down."""
        await ctx.defer()
        call = self._current_call(ctx)
        if mode is not None:
            call.mode = CallMode(mode)
        if call.mode is CallMode.TALK:
            # Transcribe mode may have switched captions on. They stay on.
            still = f" {_CAPTIONS[call.captions]}" if call.captions is not Captions.OFF else ""
            await ctx.send(f"🗣️ I answer what I hear.{still}")
            return
        if call.captions is Captions.OFF:
            call.captions = Captions.CHANNEL
        await ctx.send(f"📝 I only write down what I hear. I answer only what you type. {_CAPTIONS[call.captions]}")

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Tell people who join a recorded call that it is recorded."""
        call = self._call(member.guild.id)
        if call is None or not call.recordings.on or member.bot:
            return
        if after.channel is not None and after.channel != before.channel and after.channel.id == call.channel.id:
            await call.announce(recording_newcomer(self._prefix, member.display_name))
