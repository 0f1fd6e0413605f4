"""The ``join``, ``leave``, ``voice-status``, ``speak``, ``stop`` and ``volume`` commands, and notices about muting."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import Calls
from bot.command_helpers import require_guild
from bot.commands.entrance import require_entrance
from bot.commands.loading_answer import LoadingAnswer
from bot.commands.status_report import StatusReporter
from bot.commands.voice_channel_name import VoiceChannelName
from bot.controls.volumes import MAX_VOLUME, SHOWN, Volumes
from bot.music.typed import music_hint
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.voice_state import voice_state_notice
from bot.voice.turn import Prompt, PromptKind
from bot.whole_number import WholeNumber

Context = commands.Context[Any]

NOWHERE = "❌ You must be in a voice channel!"
ALREADY_IN = "❌ I'm in {channel} already. Come in there, and talk to me."
ALREADY_HERE = "❌ I'm in {channel} already, and so are you. Talk to me."
ALREADY_IN_ANOTHER = "❌ I'm in a call in {channel}. Use `{prefix}leave` first, then `{prefix}join {wanted}`."
ALREADY_SOMEWHERE = "❌ I'm in a call on this server already, in a channel that you don't see."


class VoiceCommands(commands.Cog, name="Voice"):
    """Bring me into a voice channel, make me speak, send me away."""

    def __init__(
        self, calls: Calls, volumes: Volumes, status: StatusReporter, warning: str | None, prefix: str
    ) -> None:
        self._calls = calls
        self._volumes = volumes
        self._status = status
        self._warning = warning
        self._prefix = prefix

    @commands.hybrid_command(
        description="Join your voice channel, or the one you name.",
        usage="[channel]",
        brief="join your voice channel",
        extras={"example": "Lounge"},
    )
    @commands.guild_only()
    @app_commands.describe(channel="The voice channel to join. Leave it empty for yours.")
    async def join(
        self,
        ctx: Context,
        *,
        # The type has no "| None", because discord.py would then silently ignore an unknown name.
        channel: Annotated[VoiceChannel, VoiceChannelName()] = commands.parameter(default=None),
    ) -> None:
        """Join your voice channel, or the one you name."""
        await ctx.defer()
        voice = channel or self._channel_of(ctx)
        require_entrance(ctx.author, voice)
        if channel is not None and (call := self._calls.current_on(channel.guild.id)) is not None:
            raise UserError(self._whereabouts(ctx.author, call.channel, channel))
        answer = LoadingAnswer(ctx)
        async with answer.showing_progress():
            call = await self._calls.join(voice, ctx.channel, answer.report)
        prompts = call.prompts.channel
        here = "here" if prompts.id == ctx.channel.id else f"in <#{prompts.id}>"
        await answer.finish(f"🎤 Joined {call.channel.name}! Send messages {here} to make me speak.")
        if self._warning:
            # The warning is posted once. `voice-status` always shows it.
            await ctx.send(self._warning)
            self._warning = None
        state = call.channel.guild.me.voice
        notice = voice_state_notice(None, state, self._prefix) if state is not None else None
        if notice is not None:
            await call.prompts.tell(notice)

    @commands.hybrid_command(description="Leave the voice channel.", brief="leave it")
    @commands.guild_only()
    async def leave(self, ctx: Context) -> None:
        """Leave the voice channel; also stops me from joining one."""
        await ctx.defer()
        await self._calls.leave(require_guild(ctx).id)
        await ctx.send("👋 Left voice channel!")

    @commands.hybrid_command(
        name="voice-status",
        aliases=["status"],
        description="Show what the call is doing, and how fast I answer.",
        brief="how I'm doing",
    )
    @commands.guild_only()
    async def voice_status(self, ctx: Context) -> None:
        """Show what the call is doing, and how fast I answer."""
        await ctx.defer()
        report = await self._status.report(require_guild(ctx).id, ctx.author)
        await ctx.send(report, allowed_mentions=discord.AllowedMentions.none())

    @commands.hybrid_command(
        description="Say this text aloud, word for word.",
        usage="TEXT",
        brief="say a text",
        extras={"example": "Dinner is ready!"},
    )
    @commands.guild_only()
    @app_commands.describe(text="What to say.")
    async def speak(self, ctx: Context, *, text: commands.Range[str, 1, 4000]) -> None:
        """Say a text aloud, word for word."""
        await ctx.defer()
        call = self._calls.require(require_guild(ctx).id)
        typed_here = not ctx.interaction and ctx.channel.id == call.prompts.channel.id
        message = ctx.message.id if typed_here else None
        author = ctx.author
        call.say(Prompt(author.display_name, text, time.monotonic(), message, PromptKind.RECITE, person=author.id))
        if not typed_here:
            await ctx.send("🎤 I'll say that.")

    @commands.hybrid_command(
        description="Stop speaking at once, and drop the messages that wait.", brief="stop speaking"
    )
    @commands.guild_only()
    async def stop(self, ctx: Context) -> None:
        """Stop speaking at once, and drop the messages that wait."""
        call = self._calls.require(require_guild(ctx).id)
        said = "🤫 Stopped." if call.conversation.stop() else "🤫 I wasn't saying anything."
        await ctx.send(said + music_hint(call, self._prefix))

    @commands.hybrid_command(
        description="Show how loud I speak, music or sounds are, or set it: 0 to 200 percent.",
        usage="[0-200] [music|sounds]",
        brief="how loud",
        extras={"example": "30 music"},
    )
    @commands.guild_only()
    @app_commands.describe(
        percent="0 to 200 percent. Leave it empty to see the current volume.",
        of="What to set: my voice, music, or sounds. Leave it empty for my voice.",
    )
    async def volume(
        self,
        ctx: Context,
        percent: Annotated[
            int, WholeNumber(0, int(100 * MAX_VOLUME), "%", left_out_before=frozenset(SHOWN))
        ] = commands.parameter(default=None),
        of: Literal["voice", "music", "sounds"] = "voice",
    ) -> None:
        """Show how loud I speak, or set it: 0 to 200 percent. With `music` or `sounds`, the same for those."""
        await ctx.defer()
        guild = require_guild(ctx).id
        if percent is not None:
            await self._volumes.choose_of(guild, of, percent / 100)
        await ctx.send(await self._volumes.shown(guild, of))

    def _channel_of(self, ctx: Context) -> VoiceChannel:
        """The voice channel in which the command's user is.

        Raises:
            UserError: the user is in no voice channel. If there is a call in a channel that the user can see, the
                text names this channel.
        """
        author, call = ctx.author, self._calls.current_on(require_guild(ctx).id)
        voice = author.voice if isinstance(author, discord.Member) else None
        if voice is not None and voice.channel is not None:
            return voice.channel
        if call is None:
            raise UserError(NOWHERE)
        raise UserError(self._whereabouts(author, call.channel))

    def _whereabouts(
        self, author: discord.User | discord.Member, here: VoiceChannel, wanted: VoiceChannel | None = None
    ) -> str:
        """An error text that says where the current call is, for a person who wants a call in ``wanted``."""
        if not isinstance(author, discord.Member) or not here.permissions_for(author).view_channel:
            return ALREADY_SOMEWHERE
        if wanted is not None and wanted.id != here.id:
            return ALREADY_IN_ANOTHER.format(
                channel=here.name, prefix=self._prefix, wanted=wanted.name.replace("`", "'")
            )
        return (ALREADY_HERE if author in here.members else ALREADY_IN).format(channel=here.name)


class VoiceStateListener(commands.Cog):
    """Writes in the prompt channel why people can't hear the bot."""

    def __init__(self, calls: Calls, prefix: str) -> None:
        self._calls = calls
        self._prefix = prefix

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Report a change of the bot's own voice state."""
        call = self._calls.current_on(member.guild.id)
        if call is None or member.id != member.guild.me.id or after.channel is None:
            return
        notice = voice_state_notice(before, after, self._prefix)
        if notice is not None:
            await call.prompts.tell(notice)
