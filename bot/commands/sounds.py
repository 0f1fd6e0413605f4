"""The ``sound`` commands: the sound board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import Calls
from bot.command_helpers import require_guild
from bot.commands.sound_files import left_out, read_attachment, sound_file
from bot.music.library import Piece, shown_title, suggested_titles
from bot.music.sound_board import SoundBoard
from bot.music.sound_folder import MAX_MB
from bot.music.typed_sounds import LISTS, TypedSounds
from bot.owners import Owners
from bot.text import split_message

Context = commands.Context[Any]

SUGGESTED = 25

NO_FILE = "❌ I need a sound file: attach one, or reply to a message that has one."
ADDED = "📣 Added {name}. `{prefix}sound {typed}` plays it."
REMOVED = "🗑️ Removed {name}."


class SoundCommands(commands.Cog, name="Sounds"):
    """Play short sounds in the call, and choose which there are.

    Args:
        owners: the people who may delete sounds that are for all servers.
    """

    def __init__(self, calls: Calls, board: SoundBoard, owners: Owners, prefix: str) -> None:
        self._owners = owners
        self._calls = calls
        self._board = board
        self._typed = TypedSounds(board, prefix, takes_files=True)
        self._prefix = prefix

    @commands.hybrid_group(
        case_insensitive=True,
        fallback="play",
        description="Play a short sound in the call, or show which sounds I have.",
        usage="[NAME]",
        brief="play a sound",
        extras={"example": "drum roll"},
    )
    @commands.guild_only()
    @app_commands.describe(name="The name of a sound. Leave it empty to see which I have.")
    async def sound(self, ctx: Context, *, name: str = "") -> None:
        """Play a short sound in the call. Without a name, show which sounds I have."""
        await ctx.defer()
        if name.strip().casefold() in LISTS:
            for part in split_message(await self._typed.names(require_guild(ctx).id)):
                await self._send(ctx, part)
            return
        await self._send(ctx, await self._typed.play(self._calls.require_for_sound(require_guild(ctx).id), name))

    @sound.command(description="Stop the sounds that play.")
    @commands.guild_only()
    async def stop(self, ctx: Context) -> None:
        """Stop the sounds that play. Music and speech go on."""
        await ctx.send(self._typed.stop(self._calls.require_for_sound(require_guild(ctx).id)))

    @sound.command(
        description="Add a sound: a sound file of at most 30 seconds.", usage="NAME", extras={"example": "drum roll"}
    )
    @commands.guild_only()
    @app_commands.describe(name="The sound's name.", file="A sound file of at most 30 seconds.")
    async def add(self, ctx: Context, file: discord.Attachment | None = None, *, name: str) -> None:
        """Add the attached sound file (30 seconds at most), or the one that you reply to, for this server."""
        await ctx.defer()
        given = await sound_file(ctx, file, self._prefix, NO_FILE, MAX_MB)
        server = require_guild(ctx).id
        await self._board.check(name, given.filename, server)
        added = await self._board.add(name, given.filename, (await read_attachment(given)).data, server)
        told = ADDED.format(name=shown_title(added), typed=added, prefix=self._prefix)
        await self._send(ctx, told + left_out(ctx, file))

    @sound.command(description="Delete a sound.", usage="NAME", extras={"example": "drum roll"})
    @commands.guild_only()
    @app_commands.describe(name="The sound's whole name.")
    async def remove(self, ctx: Context, *, name: str) -> None:
        """Delete a sound. Say its whole name."""
        await ctx.defer()
        owner = await self._owners.include(ctx.bot, ctx.author.id)
        removed = await self._board.remove(name, require_guild(ctx).id, owner=owner)
        await self._send(ctx, REMOVED.format(name=shown_title(removed)))

    @sound.autocomplete("name")
    async def _suggest(self, interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        return _choices(await self._board.search(current, interaction.guild_id or 0))

    @remove.autocomplete("name")
    async def _removable(self, interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        owner = await self._owners.include(interaction.client, interaction.user.id)
        return _choices(await self._board.removable(current, interaction.guild_id or 0, owner=owner))

    @staticmethod
    async def _send(ctx: Context, text: str) -> None:
        await ctx.send(text, allowed_mentions=discord.AllowedMentions.none())


def _choices(sounds: Sequence[Piece]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=title, value=title) for title in suggested_titles(sounds, SUGGESTED)]
