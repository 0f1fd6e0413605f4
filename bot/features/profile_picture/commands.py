"""The ``avatar`` commands."""

from __future__ import annotations

import math
from typing import Any

from discord.ext import commands
from discord.utils import escape_markdown

from bot.command_helpers import refuse_during_call
from bot.features.profile_picture.feature import Album, ProfilePicture, TooSoonError
from bot.user_error import UserError
from bot.work_gate import FeatureHeldError, WorkStoppedError

Context = commands.Context[Any]

MAX_LISTED = 30
"""Maximum number of pictures in a list."""
MAX_NAME = 50
"""Maximum number of characters of a picture's name in a list."""


class ProfilePictureCommands(commands.Cog, name="Profile picture"):
    """Choose how I look."""

    def __init__(self, profile_picture: ProfilePicture) -> None:
        self._profile_picture = profile_picture

    @commands.hybrid_group(
        case_insensitive=True, description="List my profile pictures.", usage="next|list", brief="my profile picture"
    )
    @commands.guild_only()
    async def avatar(self, ctx: Context) -> None:
        """List my profile pictures (`list`), or show the next one now (`next`)."""
        await self._list(ctx)

    @avatar.command(name="next", description="Show my next picture now.")
    @commands.guild_only()
    async def next_picture(self, ctx: Context) -> None:
        """Show my next picture now, on every server."""
        await ctx.defer(ephemeral=True)
        try:
            name = await self._profile_picture.change()
        except TooSoonError as error:
            minutes = math.ceil(error.wait / 60)
            raise UserError(f"⏳ Discord limits how often I change my picture. Try again in {minutes} min.") from error
        except (FeatureHeldError, WorkStoppedError):
            await refuse_during_call(ctx)
            return
        await ctx.send(f"🖼️ My picture is now {_short(name)}.", ephemeral=True)

    @avatar.command(name="list", description="List my profile pictures.")
    @commands.guild_only()
    async def list_pictures(self, ctx: Context) -> None:
        """List my profile pictures, and mark the one that is shown."""
        await self._list(ctx)

    async def _list(self, ctx: Context) -> None:
        album = await self._profile_picture.album()
        await ctx.send(_list_text(album), ephemeral=True)


def _list_text(album: Album) -> str:
    lines = [f"{'▶️' if name == album.shown else '▫️'} {_short(name)}" for name in album.names[:MAX_LISTED]]
    if len(album.names) > MAX_LISTED:
        lines.append(f"… and {len(album.names) - MAX_LISTED} more")
    change = f"The next change is <t:{album.due_at:.0f}:R>." if album.due_at else "The first change comes soon."
    return "\n".join(("🖼️ My pictures:", *lines, change)) if lines else "🖼️ There is no picture in my folder."


def _short(name: str) -> str:
    return escape_markdown(name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…")
