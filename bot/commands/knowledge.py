"""The ``knowledge`` commands: whether the operator's files are used on a server, and what they say."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.command_helpers import require_guild
from bot.knowledge.index import KnowledgeError
from bot.knowledge.knowledge import Knowledge
from bot.text import counted, escape_markdown, shorten, split_message
from bot.user_error import UserError

Context = commands.Context[Any]

MAX_SHOWN = 3
"""Number of passages that a search shows."""
_MAX_PASSAGE = 500
_VECTOR_SECONDS = 3.0
"""Seconds within which the search by meaning must end."""
NONE = "❌ I have no files to look things up in (nobody has set KNOWLEDGE_DIR)."
IS_ON = "📚 On this server I look things up in {passages} of files. `{prefix}knowledge off` ends that."
IS_OFF = "📚 On this server I don't look anything up in files. `{prefix}knowledge on` lets me."
SWITCHED_ON = "📚 From now on I look things up in files on this server."
SWITCHED_OFF = "📚 From now on I don't look anything up in files on this server."
NOTHING_FOUND = "📚 I found nothing about that."
BROKEN = "❌ I can't look it up: {fault}."


class KnowledgeCommands(commands.Cog, name="Knowledge"):
    """Decide whether I look things up in files, and see what I would find.

    Args:
        knowledge: finds passages in the operator's files; ``None`` if the operator has set up no files.
    """

    def __init__(self, knowledge: Knowledge | None, prefix: str) -> None:
        self._knowledge = knowledge
        self._prefix = prefix

    @commands.hybrid_group(
        case_insensitive=True,
        description="Show whether I look things up in files on this server.",
        usage="on|off|search",
        brief="look things up in files",
    )
    @commands.guild_only()
    async def knowledge(self, ctx: Context) -> None:
        """Show whether I look things up in files here, change it (`on`, `off`), or `search` them."""
        known, server = self._require(), require_guild(ctx).id
        if not await known.switch.is_on(server):
            await ctx.send(IS_OFF.format(prefix=self._prefix))
            return
        try:
            passages = await known.count()
        except KnowledgeError as error:
            raise UserError(BROKEN.format(fault=error)) from error
        await ctx.send(IS_ON.format(passages=counted(passages, "passage"), prefix=self._prefix))

    @knowledge.command(description="Let me look things up in files on this server.")
    @commands.guild_only()
    async def on(self, ctx: Context) -> None:
        """Let me look things up in files on this server."""
        await self._require().switch.set(require_guild(ctx).id, on=True)
        await ctx.send(SWITCHED_ON)

    @knowledge.command(description="Don't let me look anything up in files on this server.")
    @commands.guild_only()
    async def off(self, ctx: Context) -> None:
        """Don't let me look anything up in files on this server."""
        await self._require().switch.set(require_guild(ctx).id, on=False)
        await ctx.send(SWITCHED_OFF)

    @knowledge.command(
        description="Show what I would find in files for a question.",
        usage="QUESTION",
        extras={"example": "when is the shop open"},
    )
    @commands.guild_only()
    @app_commands.describe(question="The question, or some words.")
    async def search(self, ctx: Context, *, question: str) -> None:
        """Show what I would find in files for a question."""
        await ctx.defer(ephemeral=True)
        known, server = self._require(), require_guild(ctx).id
        if not await known.switch.is_on(server):
            raise UserError(IS_OFF.format(prefix=self._prefix))
        try:
            found = await known.search(question, server, limit=MAX_SHOWN, seconds=_VECTOR_SECONDS)
        except KnowledgeError as error:
            raise UserError(BROKEN.format(fault=error)) from error
        shown = "\n".join(
            f"**{escape_markdown(each.source)}**\n{escape_markdown(shorten(each.text, _MAX_PASSAGE))}" for each in found
        )
        for part in split_message(shown or NOTHING_FOUND):
            await ctx.send(part, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())

    def _require(self) -> Knowledge:
        if self._knowledge is None:
            raise UserError(NONE)
        return self._knowledge
