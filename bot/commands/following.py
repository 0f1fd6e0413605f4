"""The ``follow`` command: the bot goes along when a person in the call changes the voice channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import escape_markdown

from bot.calls import Calls
from bot.command_helpers import require_guild
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.transport import DiscordCall

Context = commands.Context[Any]
_log = logging.getLogger(__name__)

FOLLOWS = "👣 I follow {name} when they change the channel, until this call ends. `{prefix}follow off` ends that."
FOLLOWS_NOBODY = "👣 I follow nobody. `{prefix}follow me` makes me go along when you change the channel."
ALREADY = "❌ I follow {name} already. `{prefix}follow off` ends that."
NOT_HERE = "❌ Come into my channel first: I follow only people who are in the call."
STAYS = "👣 I can't go along with {name} into that channel, so I stay here and follow nobody any more."


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    call: DiscordCall
    person: int
    name: str
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)


class FollowCommands(commands.Cog, name="Following"):
    """Have me go along when you change the voice channel.

    Whom the bot follows is known only to this object, and only during the call.

    Args:
        allowed: returns whether the bot may go into a channel by itself.
    """

    def __init__(self, calls: Calls, allowed: Callable[[VoiceChannel], bool], prefix: str) -> None:
        self._calls = calls
        self._allowed = allowed
        self._prefix = prefix
        self._followed: dict[int, _Followed] = {}
        """Whom the bot follows, by server."""

    @commands.hybrid_command(
        description="Show whom I follow through the voice channels, or have me follow you.",
        usage="[me|off]",
        brief="go along with you",
        extras={"example": "me"},
    )
    @commands.guild_only()
    @app_commands.describe(state="me: I go along with you; off: I follow nobody. Leave it empty to see whom I follow.")
    async def follow(self, ctx: Context, state: Literal["me", "off"] = commands.parameter(default=None)) -> None:
        """Show whom I follow when they change the voice channel, have me follow you, or end it."""
        await ctx.defer()
        call = self._calls.require(require_guild(ctx).id)
        followed = self._following(call)
        if state == "off":
            self._followed.pop(call.channel.guild.id, None)
            followed = None
        elif state == "me":
            if ctx.author not in call.channel.members:
                raise UserError(NOT_HERE)
            if followed is not None and followed.person != ctx.author.id:
                raise UserError(ALREADY.format(name=followed.name, prefix=self._prefix))
            followed = _Followed(call, ctx.author.id, escape_markdown(ctx.author.display_name))
            self._followed[call.channel.guild.id] = followed
        text = FOLLOWS_NOBODY if followed is None else FOLLOWS
        name = "" if followed is None else followed.name
        await ctx.send(text.format(name=name, prefix=self._prefix), allowed_mentions=discord.AllowedMentions.none())

    def _following(self, call: DiscordCall) -> _Followed | None:
        """Whom the bot follows in this call."""
        followed = self._followed.get(call.channel.guild.id)
        if followed is not None and followed.call is not call:
            del self._followed[call.channel.guild.id]
            return None
        return followed

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Go along with the person who is followed."""
        call = self._calls.current_on(member.guild.id)
        followed = self._following(call) if call is not None else None
        if call is None or followed is None or member.id != followed.person or before.channel == after.channel:
            return
        if after.channel is None:
            self._followed.pop(member.guild.id, None)
            return
        # One move at a time. The person may have gone on meanwhile, so their channel is looked up only now.
        async with followed.moving:
            channel = None if member.voice is None else member.voice.channel
            goes_on = self._calls.current_on(member.guild.id) is call and self._following(call) is followed
            if goes_on and channel is not None and channel != call.channel:
                await self._go_along(call, channel, followed)

    async def _go_along(self, call: DiscordCall, channel: VoiceChannel, followed: _Followed) -> None:
        try:
            if self._may_go(channel):
                await call.transport.move(channel)
                return
            self._followed.pop(channel.guild.id, None)
            await call.prompts.tell(STAYS.format(name=followed.name))
        except DISCORD_ERRORS as error:
            _log.warning("Could not go along with a person: %s", discord_error_text(error))

    def _may_go(self, channel: VoiceChannel) -> bool:
        """Whether the bot can talk in this channel, and may go there by itself."""
        me = channel.guild.me
        mine = channel.permissions_for(me)
        fits = not channel.user_limit or len(channel.members) < channel.user_limit or mine.move_members
        speaks = isinstance(channel, discord.VoiceChannel) and channel != channel.guild.afk_channel
        return speaks and fits and mine.view_channel and mine.connect and mine.speak and self._allowed(channel)
