"""The ``play``, ``pause``, ``skip``, ``queue`` and ``nowplaying`` commands: music in calls."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import Calls
from bot.command_helpers import require_guild
from bot.commands.music_buttons import MusicButtons, playing_line, playing_text
from bot.commands.sound_files import read_attachment, sound_file
from bot.controls.volumes import Volumes
from bot.guard import Guard
from bot.music.decoding import MusicError, Source
from bot.music.library import NotFoundInLibraryError, shown_title, suggested_titles
from bot.music.player import PAUSED, SKIPPED, MusicPlayer, Playing, Track
from bot.music.service import MusicService
from bot.music.web_music import is_address
from bot.text import escape_markdown, split_message
from bot.user_error import UserError

Context = commands.Context[Any]

SUGGESTED = 25
EXAMPLES = 5
"""Number of pieces that are named to who does not say which one."""

WHAT = "❌ Say what to play: `{prefix}play NAME`, or attach a sound file."
NO_LIBRARY = "❌ I have no music here (nobody has set MUSIC_DIR). Attach a sound file."
NOTHING = "🎵 Nothing is playing. `{prefix}play NAME` plays a piece."


class MusicCommands(commands.Cog, name="Music"):
    """Play music in the call. It gets quieter while somebody speaks."""

    def __init__(
        self, bot: commands.Bot, guard: Guard, calls: Calls, music: MusicService, volumes: Volumes, prefix: str
    ) -> None:
        self._bot = bot
        self._buttons = MusicButtons(guard, self._player_at)
        self._calls = calls
        self._music = music
        self._volumes = volumes
        self._prefix = prefix

    async def cog_load(self) -> None:
        """Answer the buttons below all messages, also those of earlier runs."""
        self._bot.add_view(self._buttons.view())

    @commands.hybrid_command(
        description="Play music in the call: a piece that I have, a sound file that you attach, or one on the web.",
        usage="NAME",
        brief="play music",
        extras={"example": "Blue Danube"},
    )
    @commands.guild_only()
    @app_commands.describe(file="A sound file.", name="The name of a piece that I have, or a web address.")
    async def play(self, ctx: Context, file: discord.Attachment | None = None, *, name: str = "") -> None:
        """Play a piece that I have, a sound file that you attach, or one on the web. It waits for those before it."""
        await ctx.defer()
        guild = require_guild(ctx).id
        self._calls.require(guild)
        title, source = await self._find(ctx, file, name)
        volume = await self._volumes.music_at(guild)
        # No await between this and the player's use, so the call can't end in between.
        player = self._music.require_player(self._calls.require(guild), volume)
        begun = asyncio.get_running_loop().create_future() if player.playing is None and not player.waiting else None
        try:
            before = player.add(Track(title, source, begun))
            if begun is None:
                await ctx.send(f"➕ {title} ({before} before it)", suppress_embeds=True)
            else:
                await ctx.send(f"▶️ {title}" if await begun else SKIPPED, suppress_embeds=True)
        except MusicError as error:
            raise UserError(f"❌ {title}: {error}") from error

    @play.autocomplete("name")
    async def _suggest(self, interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        del interaction
        pieces = await self._music.search(current)
        return [app_commands.Choice(name=title, value=title) for title in suggested_titles(pieces, SUGGESTED)]

    async def _find(self, ctx: Context, file: discord.Attachment | None, name: str) -> tuple[str, Source]:
        """The title and the source of what was asked for."""
        if file is not None:
            await sound_file(ctx, file, self._prefix)
            title = shown_title(file.filename.rpartition(".")[0] or file.filename)

            async def fetch() -> bytes:
                try:
                    return (await read_attachment(file)).data
                except UserError as error:
                    raise MusicError(str(error).lstrip("❌ ")) from error

            return title, fetch
        if not name.strip():
            raise UserError(WHAT.format(prefix=self._prefix) + await self._examples())
        if is_address(name):
            try:
                piece = self._music.web.piece(name)
            except MusicError as error:
                raise UserError(f"❌ {error}") from error
            return piece.title, piece.source
        if not self._music.has_library:
            raise UserError(NO_LIBRARY)
        try:
            found = await self._music.find(name)
        except NotFoundInLibraryError as error:
            raise UserError(escape_markdown(str(error))) from error
        return shown_title(found.title), found.path

    async def _examples(self) -> str:
        pieces = await self._music.search("")
        if not pieces:
            return ""
        titles = ", ".join(shown_title(piece.title) for piece in pieces[:EXAMPLES])
        return f" I have {titles}{f' and {len(pieces) - EXAMPLES} more' if len(pieces) > EXAMPLES else ''}."

    @commands.hybrid_command(description="Pause the music, or let it go on.", brief="pause it")
    @commands.guild_only()
    async def pause(self, ctx: Context) -> None:
        """Pause the music, or let it go on."""
        player, playing = self._require_playing(ctx)
        await ctx.send(PAUSED if player.pause() else f"▶️ {playing.track.title}")

    @commands.hybrid_command(description="End this piece of music; the next one begins.", brief="end it")
    @commands.guild_only()
    async def skip(self, ctx: Context) -> None:
        """End this piece of music; the next one begins."""
        player, _ = self._require_playing(ctx)
        player.skip()
        await ctx.send(SKIPPED)

    @commands.hybrid_command(description="Show which music comes next.", brief="what is next")
    @commands.guild_only()
    async def queue(self, ctx: Context) -> None:
        """Show what plays, and which music comes next."""
        player, playing = self._require_playing(ctx)
        lines = [playing_line(playing), *(f"{number}. {track.title}" for number, track in enumerate(player.waiting, 1))]
        for part in split_message("\n".join(lines)):
            await ctx.send(part, allowed_mentions=discord.AllowedMentions.none())

    @commands.hybrid_command(description="Show which music plays now.", brief="what plays")
    @commands.guild_only()
    async def nowplaying(self, ctx: Context) -> None:
        """Show which music plays now, and how much of it is left, with buttons to pause, skip and stop it."""
        _, playing = self._require_playing(ctx)
        view = self._buttons.view()
        nobody = discord.AllowedMentions.none()
        message = await ctx.send(playing_text(playing), view=view, allowed_mentions=nobody)
        self._buttons.show(message.id, playing)
        # From now on, the view of `cog_load` answers for it, as after a restart.
        view.stop()

    def _player_at(self, server: int) -> MusicPlayer | None:
        call = self._calls.current_on(server)
        return self._music.player(call) if call is not None else None

    def _require_playing(self, ctx: Context) -> tuple[MusicPlayer, Playing]:
        player = self._music.player(self._calls.require(require_guild(ctx).id))
        # A piece that somebody has ended is still fading out.
        if player is None or player.playing is None or (player.playing.skipped and not player.waiting):
            raise UserError(NOTHING.format(prefix=self._prefix))
        return player, player.playing
