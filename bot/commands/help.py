"""`!help`: every command in one message, or one of them in detail."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from bot.commands.unknown import CommandAdvice

Context = commands.Context[Any]


class HelpCommands(commands.Cog, name="Help"):
    """Show what I can do."""

    def __init__(self, bot: commands.Bot, advice: CommandAdvice, prefix: str) -> None:
        self._bot = bot
        self._advice = advice
        self._prefix = prefix

    @commands.hybrid_command(description="What I can do.")
    async def help(self, ctx: Context, *, command: str | None = None) -> None:
        """Show what I can do, or explain one command."""
        await ctx.defer(ephemeral=True)
        for page in [self._explain(command)] if command else self._overview():
            await ctx.send(page, allowed_mentions=_NOBODY)

    def _overview(self) -> list[str]:
        pages = commands.Paginator(prefix=None, suffix=None)
        pages.add_line("**What I can do.** Each also works as a slash command.")
        for name, cog in self._bot.cogs.items():
            shown = sorted((c for c in cog.get_commands() if not c.hidden), key=lambda command: command.qualified_name)
            if shown:
                pages.add_line(f"**{name}**")
            for command in shown:
                pages.add_line(f"`{self._usage(command)}` {self._words(command.short_doc)}")
        pages.add_line("Once I'm in a voice channel, write in my prompt channel and I'll answer aloud.")
        return pages.pages

    def _explain(self, name: str) -> str:
        typed = " ".join(name.strip().removeprefix(self._prefix).removeprefix("/").split())
        command = self._bot.get_command(typed)
        if command is None:
            return (
                self._advice.about(typed.partition(" ")[0])
                or f"❓ I don't know `{name[:100]}`. `{self._prefix}help` lists what I can do."
            )
        return f"`{self._usage(command)}`\n{self._words(command.help or command.short_doc)}"

    def _words(self, text: str) -> str:
        """A command's description, in which ``{prefix}`` stands for what commands begin with."""
        return text.replace("{prefix}", self._prefix)

    def _usage(self, command: commands.Command[None, ..., object]) -> str:
        return f"{self._prefix}{command.qualified_name} {command.signature}".strip()


_NOBODY = discord.AllowedMentions.none()
