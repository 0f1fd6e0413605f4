"""The ``persona``, ``mood``, ``forget`` and ``chat`` commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.characters import UnknownChoiceError, mood_text, moods_text, persona_text, scope_at
from bot.features.text_chat.service import TextChat
from bot.text import counted
from bot.user_error import UserError

Context = commands.Context[Any]
Switch = Literal["on", "off"]

THREAD_FOLLOWS = "❌ A thread has the same setting as its channel. Use this command in the channel."
REMINDERS_GONE = "The reminders and timers that were set here are gone too ({count})."
NOTES_GONE = (
    "The notes of calls that took their prompts from here are gone too ({count}); "
    "what I posted of them stays on Discord."
)

_MAX_SUGGESTIONS = 25


def _suggest(shown: Mapping[str, str], typed: str) -> list[app_commands.Choice[str]]:
    """The choices that contain ``typed``. ``shown`` maps each value to the name that is shown for it."""
    wanted = typed.casefold()
    fitting = [value for value, name in shown.items() if wanted in value.casefold() or wanted in name.casefold()]
    return [app_commands.Choice(name=shown[value][:100], value=value[:100]) for value in fitting[:_MAX_SUGGESTIONS]]


class ChatCommands(commands.Cog, name="Chat"):
    """Decide who answers you, and how."""

    def __init__(
        self,
        chat: TextChat,
        prefix: str,
        forget_reminders: Callable[[int], Awaitable[int]] | None = None,
        forget_notes: Callable[[int], Awaitable[int]] | None = None,
    ) -> None:
        self._chat = chat
        self._prefix = prefix
        self._forget_reminders = forget_reminders
        self._forget_notes = forget_notes

    @commands.hybrid_command(
        description="Show who I am here, in writing and in calls, or choose another persona.",
        usage="[NAME]",
        brief="who I am",
        extras={"example": "evil_seiyuu"},
    )
    @app_commands.describe(name="The persona to become. Leave it empty to see the current one.")
    async def persona(self, ctx: Context, *, name: str | None = None) -> None:
        """Show who I am here, in writing and in calls, or choose another persona."""
        await ctx.defer()
        if name is None:
            characters = self._chat.characters
            now = characters.title(characters.at(scope_at(ctx.guild, ctx.channel)).file)
            await ctx.send(f"🎭 I am {now}. You can choose from: {', '.join(characters.titles)}.")
            return
        try:
            chosen = await self._chat.characters.choose_persona(scope_at(ctx.guild, ctx.channel), name)
        except UnknownChoiceError as error:
            raise UserError(f"❌ {error}") from error
        await ctx.send(persona_text(chosen))

    @persona.autocomplete("name")
    async def _persona_names(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        characters = self._chat.characters
        return _suggest({file: characters.title(file).replace("`", "") for file in characters.personas}, typed)

    @commands.hybrid_command(
        description="Show my mood here, in writing and in calls, or change it.",
        usage="[NAME]",
        brief="my mood",
        extras={"example": "sad"},
    )
    @app_commands.describe(name="The mood to be in. Leave it empty to see the current one.")
    async def mood(self, ctx: Context, *, name: str | None = None) -> None:
        """Show my mood here, in writing and in calls, or change it."""
        await ctx.defer()
        if name is None:
            await ctx.send(moods_text(self._chat.characters.at(scope_at(ctx.guild, ctx.channel))))
            return
        try:
            changed = await self._chat.characters.choose_mood(scope_at(ctx.guild, ctx.channel), name)
        except UnknownChoiceError as error:
            raise UserError(f"❌ {error}") from error
        await ctx.send(mood_text(changed))

    @mood.autocomplete("name")
    async def _moods(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        now = self._chat.characters.at(scope_at(interaction.guild, interaction.channel))
        return _suggest({mood: mood for mood in now.persona.moods}, typed)

    @commands.hybrid_command(
        description="Forget what was written in this channel, or between the two of us.",
        brief="forget what was written here",
    )
    async def forget(self, ctx: Context) -> None:
        """Forget what was written in this channel, or between the two of us."""
        await ctx.defer()
        # The reminders and notes go first: forgetting the messages then erases what is left of all of them in the
        # database's files.
        reminders = await self._forget_reminders(ctx.channel.id) if self._forget_reminders is not None else 0
        notes = await self._forget_notes(ctx.channel.id) if self._forget_notes is not None else 0
        forgotten = await self._chat.forget(ctx.channel.id)
        here = "between the two of us" if ctx.guild is None else "in this channel"
        also = f" {REMINDERS_GONE.format(count=reminders)}" if reminders else ""
        also += f" {NOTES_GONE.format(count=notes)}" if notes else ""
        await ctx.send(
            f"🧹 I have forgotten the {counted(forgotten, 'message')} that I remembered {here}.{also}"
            if forgotten
            else f"🧹 I don't remember anything that was written {here}.{also}"
        )

    @commands.hybrid_command(
        description="Show whether I answer every message in this channel, or turn it on or off.",
        usage="[on|off]",
        brief="answer everything here",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(
        state="on: answer every message here; off: only those to me. Leave it empty to see the state."
    )
    async def chat(self, ctx: Context, state: Switch = commands.parameter(default=None)) -> None:
        """Show whether I answer every message in this channel, or turn it on or off."""
        await ctx.defer()
        if not isinstance(ctx.channel, discord.abc.GuildChannel):
            raise UserError(THREAD_FOLLOWS)
        if state is not None:
            await self._chat.open_channels.switch(ctx.channel.id, to_open=state == "on")
        await ctx.send(
            "💬 I answer every message in this channel."
            if ctx.channel in self._chat.open_channels
            else "💬 In this channel I answer people who mention me or reply to me."
        )
