"""The ``help`` command: lists all commands, or explains one."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.commands.mistakes import usage_of
from bot.commands.unknown import CommandAdvice
from bot.text import MESSAGE_LIMIT

Context = commands.Context[Any]

INTRODUCTION = (
    "**What I can do.** Each command also works with `/`; `{prefix}help COMMAND` says more about one. "
    "In a call, write in my prompt channel and I'll answer aloud."
)
GROUPS = (
    (
        "In a call",
        (
            "join",
            "leave",
            "autojoin",
            "follow",
            "speak",
            "stop",
            "volume",
            "play",
            "pause",
            "skip",
            "queue",
            "nowplaying",
            "sound",
            "voice-status",
        ),
    ),
    ("Listening", ("listen", "optout", "optin", "captions", "mode", "record", "notes", "ignore")),
    ("Who I am", ("persona", "mood", "voice")),
    (
        "In writing",
        (
            "chat",
            "forget",
            "knowledge",
            "autonomous",
            "bipolar",
            "argue",
            "draw",
            "draw-cancel",
            "voice-message",
            "schedule",
            "reminders",
            "figurines",
        ),
    ),
    ("What I know of you", ("memory", "my-data", "erase-me", "usage")),
    ("For the people who run me", ("avatar", "gpu", "low-performance", "release", "why")),
)
OTHERS = "More"


class HelpCommands(commands.Cog, name="Help"):
    """Show what I can do."""

    def __init__(self, bot: commands.Bot, advice: CommandAdvice, prefix: str) -> None:
        self._bot = bot
        self._advice = advice
        self._prefix = prefix

    @commands.hybrid_command(
        description="List what I can do, or explain one command.",
        usage="[command]",
        brief="this list, or one command",
        extras={"example": "volume"},
    )
    @app_commands.describe(command="A command to explain. Leave it empty to list all commands.")
    async def help(self, ctx: Context, *, command: str | None = None) -> None:
        """List what I can do, or explain one command."""
        await ctx.defer(ephemeral=True)
        for page in [self._explain(command)] if command else self._overview():
            await ctx.send(page, allowed_mentions=_NOBODY)

    def _overview(self) -> list[str]:
        """The list of commands as messages. A heading and its commands are in the same message."""
        here = {command.name: command for command in self._bot.commands if not command.hidden}
        groups = [(name, [here.pop(each) for each in members if each in here]) for name, members in GROUPS]
        groups.append((OTHERS, [here[name] for name in sorted(here)]))
        sections = [
            "\n".join((f"**{name}**", *(f"`{usage_of(each, self._prefix)}` {each.short_doc}" for each in members)))
            for name, members in groups
            if members
        ]
        pages = [INTRODUCTION.format(prefix=self._prefix)]
        for section in sections:
            if len(pages[-1]) + 1 + len(section) <= MESSAGE_LIMIT:
                pages[-1] += f"\n{section}"
            else:
                pages.append(section)
        return pages

    def _explain(self, name: str) -> str:
        typed = " ".join(name.strip().removeprefix(self._prefix).removeprefix("/").split())
        command = self._bot.get_command(typed)
        if command is None:
            return (
                self._advice.about(typed.partition(" ")[0])
                or f"❓ I don't know `{name[:100]}`. `{self._prefix}help` lists what I can do."
            )
        lines = [f"`{usage_of(command, self._prefix)}`", self._words(command.help or command.short_doc)]
        if isinstance(command, commands.Group):
            parts = sorted(command.commands, key=lambda each: each.name)
            lines += [f"`{usage_of(each, self._prefix)}` {self._words(each.short_doc)}" for each in parts]
        elif "example" in command.extras:
            lines.append(f"Example: `{self._prefix}{command.qualified_name} {command.extras['example']}`")
        return "\n".join(lines)

    def _words(self, text: str) -> str:
        """A command's description with ``{prefix}`` filled in."""
        return text.replace("{prefix}", self._prefix)


_NOBODY = discord.AllowedMentions.none()
