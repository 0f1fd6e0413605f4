"""The commands ``my-data`` and ``erase-me``: people get all that is stored about them, and have it deleted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import aiosqlite
import discord
from discord.ext import commands

from bot.commands.asking import ButtonAnswer, Choices, ask
from bot.commands.json_file import JsonTooLargeError, json_file
from bot.commands.private_answer import answer_privately
from bot.discord_errors import DISCORD_ERRORS
from bot.personal_data.personal_data import Erasure, PersonalStores, Subject
from bot.text import size
from bot.user_error import UserError

Context = commands.Context[Any]

NOT_READ = "❌ I can't read my database just now. Please try again later."
FOUND = "🗂️ This is all that I have stored about you, on all servers ({size})."
NOTHING = "🗂️ I have stored nothing about you."
TOO_LARGE = (
    "❌ What I have stored about you does not fit into one file for Discord ({size}). The people who run me can give "
    "it to you: `python -m bot memory export --person {person}`."
)
QUESTION = (
    "🗑️ Delete everything that I have stored about you, on all servers, for good? That takes along your reminders, "
    "the posts that you scheduled and the voices that you made. `{prefix}my-data` shows it to you first."
)
KEPT = "👍 Everything stays as it is."
DONE = "🗑️ Done."
ERASING = "🗑️ I delete it…"
ERASED = "🗑️ What I had stored about you is deleted."
ERASED_NOTHING = "🗑️ There was nothing about you that I could delete."
NOT_ALL_ERASED = "⚠️ **This is still stored:**"
STAYS = "**This stays, and why:**"
ALWAYS_STAYS = (
    "What stands in Discord's channels, my answers and captions too: Discord keeps it. You can delete your messages.",
    "What other people said and what I answered them, and recordings of them in which you may be heard: all this is "
    "theirs.",
    "Backups and logs of the people who run me, and what is kept by services that they use, such as a model server: "
    "ask them.",
)
TOLD = "🗑️ Done. I sent you a direct message about what is deleted and what stays."
NOT_TOLD = "🗑️ Done. I may not write you a direct message; `/erase-me` shows you alone what stays, and why."


class MyDataCommands(commands.Cog, name="Your data"):
    """See what I have stored about you, and have it deleted."""

    def __init__(self, stores: PersonalStores, prefix: str) -> None:
        self._stores = stores
        self._prefix = prefix
        # One export at a time, because each may have many megabytes.
        self._exporting = asyncio.Lock()

    @commands.hybrid_command(
        name="my-data",
        description="Send you alone a file with everything that I have stored about you.",
        brief="what I stored of you",
    )
    async def my_data(self, ctx: Context) -> None:
        """Send you alone a file with everything that I have stored about you, on all servers."""
        await ctx.defer(ephemeral=True)
        async with self._exporting:
            try:
                found = await self._stores.export(await _subject(ctx))
            except aiosqlite.Error as error:
                raise UserError(NOT_READ) from error
            if not any(found.values()):
                await ctx.send(NOTHING, ephemeral=True)
                return
            now = datetime.now(UTC)
            content = {"written": now.isoformat(timespec="seconds"), **found}
            try:
                file, length = await asyncio.to_thread(json_file, f"my-data-{now:%Y-%m-%d}", content)
            except JsonTooLargeError as error:
                await answer_privately(ctx, TOO_LARGE.format(size=size(error.size), person=ctx.author.id))
                return
            await answer_privately(ctx, FOUND.format(size=size(length)), file=file)

    @commands.hybrid_command(
        name="erase-me",
        description="Delete everything that I have stored about you. I ask you first.",
        brief="delete all of that",
    )
    async def erase_me(self, ctx: Context) -> None:
        """Delete everything that I have stored about you, on all servers. I ask you first."""
        await ctx.defer(ephemeral=True)
        asked = await ask(
            ctx, ctx.author, QUESTION.format(prefix=self._prefix), Choices("Delete it", "Keep it", dangerous=True)
        )
        if asked.answer is not ButtonAnswer.YES:
            await asked.message.edit(content=KEPT, view=None)
            return
        await asked.message.edit(content=ERASING, view=None)
        erasure = await self._stores.erase(await _subject(ctx))
        if ctx.guild is None or ctx.interaction is not None:
            await asked.message.edit(content=DONE)
            await answer_privately(ctx, erasure_text(erasure))
            return
        # What was deleted and what stays tells something about the person, so only that person gets to read it.
        try:
            await ctx.author.send(erasure_text(erasure))
        except discord.Forbidden:
            await asked.message.edit(content=NOT_TOLD)
        else:
            await asked.message.edit(content=TOLD)


def erasure_text(erasure: Erasure) -> str:
    """What was deleted, what could not be, and what stays, for the person."""
    lines = [ERASED if erasure.counts else ERASED_NOTHING]
    lines += [f"- {name}: {count}" for name, count in erasure.counts.items()]
    if erasure.failed:
        lines += [NOT_ALL_ERASED, *(f"- {each}" for each in erasure.failed)]
    lines += [STAYS, *(f"- {each}" for each in (*erasure.left, *ALWAYS_STAYS))]
    return "\n".join(lines)


async def _subject(ctx: Context) -> Subject:
    """The person who used a command. Their private channel is looked up, because some choices belong to it."""
    try:
        channel = await ctx.author.create_dm()
    except DISCORD_ERRORS:
        return Subject(ctx.author.id)
    return Subject(ctx.author.id, channel.id)
