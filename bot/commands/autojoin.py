"""The ``autojoin`` command: the voice channel that the bot joins automatically."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.autojoin.quiet_times import EXAMPLE, QuietTimes
from bot.autojoin.records import AutoJoinRecords, Choice
from bot.autojoin.service import AutoJoin
from bot.command_helpers import require_guild
from bot.commands.entrance import require_entrance
from bot.commands.voice_channel_name import Channel, VoiceChannelName
from bot.times_of_day import TimesError
from bot.user_error import UserError

Context = commands.Context[Any]

NOTHING_CHOSEN = (
    "🚪 I don't come by myself on this server. `{prefix}autojoin CHANNEL` makes me come when somebody is in that "
    "channel."
)
NOTHING_TO_QUIET = "❌ Choose a channel first: `{prefix}autojoin CHANNEL`."
SWITCHED_OFF = "🚪 I don't come by myself on this server any more."
WAS_OFF = "🚪 I don't come by myself on this server anyway."
COMES = "🚪 I come by myself into {channel} when somebody is there, and go when everybody has left."
QUIET = "Quiet hours: {quiet} ({zone}). I don't come then, but I don't leave either."
CHOSEN_BY = "Chosen by {person}."
STAYS_AWAY = "Now I stay away until the channel has been empty once: somebody sent me away, or the call was lost."
HIDDEN = "a channel that you don't see"
NO_STAGE = "❌ I don't come by myself onto a stage: somebody would have to let me speak there. Name a voice channel."
NO_AFK = "❌ {channel} is this server's AFK channel, where nobody can speak. Name another one."
NO_ENTRANCE = "🔒 {channel} is closed to you, so you can't have me come there. Name a channel that you may join."
NOT_ALLOWED = "🔒 My operator doesn't let me go into {channel} by myself (`AUTOJOIN_CHANNELS`)."
BAD_TIMES = f"❌ I don't understand the quiet hours: {{reason}}. Write them as in `{{prefix}}autojoin quiet {EXAMPLE}`."
OFF = "off"
_QUIET = re.compile(r"(?:^|\s)quiet(?:\s+hours)?\s+(?P<hours>off|\d.*|noon.*|midnight.*)$", re.IGNORECASE)


class AutoJoinCommands(commands.Cog, name="Coming by itself"):
    """Have me come into a voice channel when somebody is there.

    Args:
        allowed: returns whether the bot may go into a channel by itself.
        zone: the name of the time zone of quiet hours.
    """

    def __init__(
        self,
        autojoin: AutoJoin,
        records: AutoJoinRecords,
        allowed: Callable[[discord.VoiceChannel], bool],
        zone: str,
        prefix: str,
    ) -> None:
        self._autojoin = autojoin
        self._records = records
        self._allowed = allowed
        self._zone = zone
        self._prefix = prefix

    @commands.hybrid_command(
        description="Show into which voice channel I come by myself, or choose one.",
        usage="[CHANNEL] [quiet 23:00-07:00]|off",
        brief="come by myself",
        extras={"example": "Lounge"},
    )
    @commands.guild_only()
    @app_commands.describe(
        choice="CHANNEL, off, or quiet 23:00-07:00 (quiet off ends that). Leave it empty to see what is chosen."
    )
    async def autojoin(self, ctx: Context, *, choice: str = "") -> None:
        """Show into which voice channel I come by myself when somebody is there, choose one, or switch that off.

        In the quiet hours I don't come: `{prefix}autojoin Lounge quiet 23:00-07:00`, or `{prefix}autojoin quiet off`.
        """
        await ctx.defer()
        guild, wanted = require_guild(ctx), choice.strip()
        if wanted.casefold() == OFF:
            known = await self._autojoin.forget(guild.id)
            await ctx.send(SWITCHED_OFF if known else WAS_OFF)
            return
        if wanted:
            await self._choose(ctx, guild, wanted)
        await self._show(ctx, guild)

    async def _choose(self, ctx: Context, guild: discord.Guild, wanted: str) -> None:
        found = _QUIET.search(wanted)
        named = wanted[: found.start()].strip() if found is not None else wanted
        before = self._autojoin.at(guild.id)
        if named:
            channel = self._require_allowed(ctx, await VoiceChannelName().convert(ctx, named)).id
        elif before is None:
            raise UserError(NOTHING_TO_QUIET.format(prefix=self._prefix))
        else:
            channel = before.channel
        quiet = before.quiet if before is not None else None
        if found is not None:
            quiet = self._read_quiet(found["hours"])
        await self._autojoin.choose(Choice(guild.id, channel, ctx.channel.id, quiet, ctx.author.id))

    def _read_quiet(self, hours: str) -> QuietTimes | None:
        if hours.casefold() == OFF:
            return None
        try:
            return QuietTimes.parse(hours)
        except TimesError as error:
            raise UserError(BAD_TIMES.format(reason=error, prefix=self._prefix)) from error

    def _require_allowed(self, ctx: Context, channel: Channel) -> discord.VoiceChannel:
        """Check that the author may have the bot come into a channel by itself."""
        require_entrance(ctx.author, channel, NO_ENTRANCE)
        if not isinstance(channel, discord.VoiceChannel):
            raise UserError(NO_STAGE)
        if channel == channel.guild.afk_channel:
            raise UserError(NO_AFK.format(channel=channel.mention))
        if not self._allowed(channel):
            raise UserError(NOT_ALLOWED.format(channel=channel.mention))
        return channel

    async def _show(self, ctx: Context, guild: discord.Guild) -> None:
        choice = await self._records.at(guild.id)
        if choice is None:
            await ctx.send(NOTHING_CHOSEN.format(prefix=self._prefix))
            return
        lines = [COMES.format(channel=_shown(ctx, guild.get_channel(choice.channel)))]
        if choice.quiet is not None:
            lines.append(QUIET.format(quiet=choice.quiet, zone=self._zone))
        if choice.person is not None:
            lines.append(CHOSEN_BY.format(person=f"<@{choice.person}>"))
        if self._autojoin.is_away(guild.id):
            lines.append(STAYS_AWAY)
        await ctx.send("\n".join(lines), allowed_mentions=discord.AllowedMentions.none())

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, _: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Look at the chosen channels when somebody comes or goes."""
        if before.channel != after.channel:
            self._autojoin.look_again()


def _shown(ctx: Context, channel: discord.abc.GuildChannel | None) -> str:
    """The channel's name for a person. Names of channels that the person doesn't see must not be revealed."""
    if channel is None:
        return "a channel that is gone"
    sees = isinstance(ctx.author, discord.Member) and channel.permissions_for(ctx.author).view_channel
    return channel.mention if sees else HIDDEN
