"""The ``play``, ``pause``, ``skip``, ``queue`` and ``nowplaying`` commands: music in calls."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import Calls
from bot.command_helpers import require_guild
from bot.commands.music_buttons import MusicButtons
from bot.commands.sound_files import left_out, read_attachment, sound_file
from bot.guard import Guard
from bot.music.control import AskedPiece, MusicControl
from bot.music.decoding import MusicError
from bot.music.library import shown_title, suggested_titles
from bot.music.player import MusicPlayer
from bot.music.service import MusicService
from bot.music.typed import ALL, TypedMusic, playing_text
from bot.text import split_message
from bot.user_error import UserError

Context = commands.Context[Any]

SUGGESTED = 25


class MusicCommands(commands.Cog, name="Music"):
    """Play music in the call. It gets quieter while somebody speaks."""

    def __init__(
        self, bot: commands.Bot, guard: Guard, calls: Calls, control: MusicControl, music: MusicService, prefix: str
    ) -> None:
        self._bot = bot
        self._buttons = MusicButtons(guard, self._player_at)
        self._calls = calls
        self._typed = TypedMusic(control, music, prefix, takes_files=True)
        self._music = music
        self._prefix = prefix

    async def cog_load(self) -> None:
        """Answer the buttons below all messages, also those from before the bot's start."""
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
        place = self._place(ctx)
        if file is None:
            answer = await self._typed.play(place, name)
        else:
            answer = await self._typed.play_piece(place, await self._attached(ctx, file))
        answer += left_out(ctx, file, name)
        await ctx.send(answer, suppress_embeds=True, allowed_mentions=discord.AllowedMentions.none())

    @play.autocomplete("name")
    async def _suggest(self, interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
        del interaction
        pieces = await self._music.search(current)
        return [app_commands.Choice(name=title, value=title) for title in suggested_titles(pieces, SUGGESTED)]

    async def _attached(self, ctx: Context, file: discord.Attachment) -> AskedPiece:
        """The attached file as a piece. It is downloaded when it is about to be played."""
        await sound_file(ctx, file, self._prefix)

        async def fetch() -> bytes:
            try:
                return (await read_attachment(file)).data
            except UserError as error:
                raise MusicError(str(error).lstrip("❌ ")) from error

        return AskedPiece(shown_title(file.filename.rpartition(".")[0] or file.filename), fetch)

    @commands.hybrid_command(description="Pause the music, or let it go on.", brief="pause it")
    @commands.guild_only()
    async def pause(self, ctx: Context) -> None:
        """Pause the music, or let it go on."""
        await ctx.send(self._typed.pause(self._place(ctx)))

    @commands.hybrid_command(
        description="End this piece of music, so that the next one begins, or all music.",
        usage="[all]",
        extras={"example": "all"},
        brief="end it",
    )
    @commands.guild_only()
    @app_commands.describe(what="`all` ends all music. Leave it empty to end this piece.")
    @app_commands.choices(what=[app_commands.Choice(name=ALL, value=ALL)])
    async def skip(self, ctx: Context, *, what: str = "") -> None:
        """End this piece of music, so that the next one begins. With `all`, end all music."""
        await ctx.send(self._typed.skip(self._place(ctx), what))

    @commands.hybrid_command(description="Show which music comes next.", brief="what is next")
    @commands.guild_only()
    async def queue(self, ctx: Context) -> None:
        """Show what plays, and which music comes next."""
        for part in split_message(self._typed.queue(self._place(ctx))):
            await ctx.send(part, allowed_mentions=discord.AllowedMentions.none())

    @commands.hybrid_command(description="Show which music plays now.", brief="what plays")
    @commands.guild_only()
    async def nowplaying(self, ctx: Context) -> None:
        """Show which music plays now, and how much of it has played, with buttons to pause, skip and stop it."""
        playing = self._typed.playing(self._place(ctx))
        view = self._buttons.view()
        nobody = discord.AllowedMentions.none()
        message = await ctx.send(playing_text(playing), view=view, allowed_mentions=nobody)
        self._buttons.show(message.id, playing)
        # From now on, the view of `cog_load` handles this message's buttons, as after a restart.
        view.stop()

    def _player_at(self, server: int) -> MusicPlayer | None:
        call = self._calls.current_on(server)
        return self._music.player(call) if call is not None else None

    def _place(self, ctx: Context) -> int:
        """The id of this server. Raises :class:`UserError` if no call is on here."""
        return self._calls.require_for_sound(require_guild(ctx).id).server
