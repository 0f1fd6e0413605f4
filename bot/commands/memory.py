"""The command ``memory``: people see what is remembered of them, correct it, and have it forgotten."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiosqlite
import discord
from discord import app_commands
from discord.ext import commands

from bot.commands import memory_list as words
from bot.commands.asking import ButtonAnswer, Choices, ask
from bot.commands.memory_list import MemoryView, Presses, facts_file, facts_text
from bot.commands.private_answer import answer_privately
from bot.guard import Guard
from bot.memory.audience import MemoryAsker
from bot.memory.listing import ALL_WORDS, number_in, page_of
from bot.memory.memory import Memory, MemoryEmptyError
from bot.memory.records import Fact
from bot.text import escape_markdown
from bot.user_error import UserError

Context = commands.Context[Any]
_log = logging.getLogger(__name__)

SWITCHED_OFF = "🧠 My memory is switched off: the people who run me don't want me to remember anybody."
NOT_NOW = "❌ My database can't be used just now, so not all of that was done. Please try again later."
ON = "🧠 I remember from now on what you tell me. `{prefix}memory` shows it; `{prefix}memory off` ends it."
CORRECTED = "🧠 Corrected."
NO_TEXT = "❌ A correction needs some words. Or forget it: `{prefix}memory forget {number}`."
NO_SUCH_WORDS = "🧠 I remember nothing of you here with these words."
FILE = "🧠 This is all that I remember of you, on all servers ({count})."
NOTHING_AT_ALL = "🧠 I remember nothing of you, on any server."
CHOICES = {
    True: "You have said that I may remember you. `{prefix}memory off` ends it.",
    False: "You have said that I may not remember you. `{prefix}memory on` undoes it.",
    None: "You have not said whether I may remember you: `{prefix}memory on` or `{prefix}memory off`.",
}


class MemoryCommands(commands.Cog, name="Memory"):
    """See what I remember of you, correct it, and make me forget it."""

    def __init__(self, bot: commands.Bot, guard: Guard, memory: Memory, prefix: str) -> None:
        self._bot = bot
        self._guard = guard
        self._memory = memory
        self._prefix = prefix
        self._presses = Presses(
            self._forget_one, self._ask_all, self._forget_all, self._keep_all, self._switch_off, self._send_file
        )

    async def cog_load(self) -> None:
        """Make the controls of old messages work. With one view for all, discord.py need not keep one for each."""
        placeholder = Fact(0, None, None, None, 0, "", None, "", "-", "", 0.0, "")
        self._bot.add_view(MemoryView(self._guard, self._presses, [placeholder]))
        self._bot.add_view(MemoryView(self._guard, self._presses, question=True))

    @commands.hybrid_group(
        case_insensitive=True,
        description="Show you alone what I remember of you.",
        usage="me|about|correct|forget|off|on|export",
        brief="what I remember of you",
    )
    async def memory(self, ctx: Context) -> None:
        """Show you alone what I remember of you (`me`), `correct` or `forget` it, and whether I may (`on`, `off`)."""
        await self._show_mine(ctx)

    @memory.command(description="Show you alone what I remember of you here.", usage="[PAGE]", extras={"example": "2"})
    @app_commands.describe(page="Which page of the list.")
    async def me(self, ctx: Context, page: int = 1) -> None:
        """Show you alone what I remember of you on this server, or everywhere in a private message."""
        await self._show_mine(ctx, page)

    @memory.command(
        description="Show you alone what I remember of a person, as far as you may know it.",
        usage="@person [PAGE]",
        extras={"example": "@Ben"},
    )
    @app_commands.describe(person="Whom you ask about.", page="Which page of the list.")
    async def about(self, ctx: Context, person: discord.User, page: int = 1) -> None:
        """Show you alone what I remember of a person, as far as it was said in front of you."""
        await ctx.defer(ephemeral=True)
        self._require_enabled()
        if person.id == ctx.author.id:
            await self._show_mine(ctx, page)
            return
        try:
            found = await self._memory.about_person(person.id, _asker(ctx))
            if not found:
                found = await self._memory.about(person.display_name, _asker(ctx), person.id)
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        name = escape_markdown(person.display_name)
        heading = words.OF.format(name=name, count=len(found))
        part = f"about {person.mention}"
        text = facts_text(found, heading, self._prefix, reader=ctx.author.id, about=person.id, page=page, part=part)
        await answer_privately(ctx, text if found else words.NO_FACTS_OF.format(name=name))

    @memory.command(
        description="Correct something that I remember of you.",
        usage="NUMBER TEXT",
        extras={"example": "12 My sister is called Mira"},
    )
    @app_commands.describe(number="Its number in the list.", text="What is right.")
    async def correct(self, ctx: Context, number: int, *, text: str) -> None:
        """Correct something that I remember of you, by its number in the list."""
        await ctx.defer(ephemeral=True)
        self._require_enabled()
        try:
            corrected = await self._memory.correct(number, ctx.author.id, text)
        except MemoryEmptyError as error:
            raise UserError(NO_TEXT.format(prefix=self._prefix, number=number)) from error
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        if corrected is None:
            raise UserError(words.NOT_YOURS.format(number=number, prefix=self._prefix))
        await ctx.send(CORRECTED, ephemeral=True)

    @memory.command(
        description="Make me forget something of you: its number, words in it, or: all.",
        usage="NUMBER|WORDS|all",
        extras={"example": "12"},
    )
    @app_commands.describe(what="Its number in the list, words in it, or: all.")
    async def forget(self, ctx: Context, *, what: str) -> None:
        """Make me forget something of you: by its number, by words in it, or `all` of it, for good."""
        await ctx.defer(ephemeral=True)
        wanted = what.strip().casefold()
        if wanted in ALL_WORDS:
            choices = Choices(words.SURE_YES, words.SURE_NO, dangerous=True)
            asked = await ask(ctx, ctx.author, words.SURE, choices)
            answer = words.STAYS
            if asked.answer is ButtonAnswer.YES:
                answer = await self._forget_everything(ctx.author.id)
            await asked.message.edit(content=answer, view=None)
            return
        try:
            if (number := number_in(wanted)) is not None:
                count = await self._memory.forget(number, ctx.author.id)
                nothing = words.NOT_YOURS.format(number=wanted, prefix=self._prefix)
            else:
                count, nothing = await self._memory.forget_words(what, _asker(ctx)), NO_SUCH_WORDS
            answer = words.FORGOTTEN.format(count=count) if count else nothing
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        await ctx.send(answer, ephemeral=True)

    @memory.command(description="Remember nothing of you, and forget what I know of you.")
    async def off(self, ctx: Context) -> None:
        """Remember nothing of you from now on, and forget what I know of you."""
        await ctx.defer(ephemeral=True)
        await ctx.send(await self._choose(ctx.author.id, keep=False), ephemeral=True)

    @memory.command(name="on", description="Let me remember what you tell me.")
    async def switch_on(self, ctx: Context) -> None:
        """Let me remember what you tell me, for later conversations with whoever has heard it."""
        await ctx.defer(ephemeral=True)
        self._require_enabled()
        await ctx.send(await self._choose(ctx.author.id, keep=True), ephemeral=True)

    @memory.command(description="Send you alone a file with all that I remember of you.")
    async def export(self, ctx: Context) -> None:
        """Send you alone a file with all that I remember of you, on all servers."""
        await ctx.defer(ephemeral=True)
        try:
            found = await self._memory.export(ctx.author.id)
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        if not found:
            await ctx.send(NOTHING_AT_ALL, ephemeral=True)
            return
        await answer_privately(ctx, FILE.format(count=len(found)), file=await asyncio.to_thread(facts_file, found))

    async def _show_mine(self, ctx: Context, page: int = 1) -> None:
        await ctx.defer(ephemeral=True)
        self._require_enabled()
        try:
            found = await self._memory.mine(_asker(ctx))
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        state = CHOICES[self._memory.choice(ctx.author.id)].format(prefix=self._prefix)
        if not found:
            await answer_privately(ctx, f"{words.NO_FACTS} {state}")
            return
        me, heading = ctx.author.id, words.MINE.format(count=len(found))
        text = facts_text(found, heading, self._prefix, reader=me, about=me, page=page)
        view = MemoryView(self._guard, self._presses, page_of(found, page, words.MAX_LISTED)[0])
        await answer_privately(ctx, f"{text}\n{state}", view=view)
        # From now on, the view of `cog_load` handles this message's controls, as after a restart.
        view.stop()

    def _require_enabled(self) -> None:
        if not self._memory.enabled:
            raise UserError(SWITCHED_OFF)

    async def _choose(self, person: int, *, keep: bool) -> str:
        try:
            await self._memory.set_choice(person, keep)
        except aiosqlite.Error as error:
            raise _not_now(error) from error
        return (ON if keep else words.OFF).format(prefix=self._prefix)

    async def _forget_everything(self, person: int) -> str:
        try:
            return words.ALL_FORGOTTEN.format(count=await self._memory.forget_all(person))
        except aiosqlite.Error as error:
            raise _not_now(error) from error

    # Pressed controls.

    async def _forget_one(self, interaction: discord.Interaction[Any], values: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        number = int(values[0]) if values and values[0].isascii() and values[0].isdecimal() else 0
        try:
            count = await self._memory.forget(number, interaction.user.id)
        except aiosqlite.Error as error:
            _log.warning("A fact could not be forgotten: %s", error)
            await interaction.followup.send(NOT_NOW, ephemeral=True)
            return
        nothing = words.NOT_YOURS.format(number=number, prefix=self._prefix)
        answer = words.FORGOTTEN.format(count=count) if count else nothing
        await interaction.followup.send(answer, ephemeral=True)

    async def _ask_all(self, interaction: discord.Interaction[Any], _: list[str]) -> None:
        view = MemoryView(self._guard, self._presses, question=True)
        await interaction.response.send_message(words.SURE, view=view, ephemeral=True)
        view.stop()

    async def _forget_all(self, interaction: discord.Interaction[Any], _: list[str]) -> None:
        message = interaction.message
        age = (interaction.created_at - message.created_at).total_seconds() if message is not None else 0.0
        if age > words.CONFIRM_SECONDS:
            await interaction.response.edit_message(content=words.TOO_LATE, view=None)
            return
        await self._answer(interaction, self._forget_everything(interaction.user.id))

    async def _keep_all(self, interaction: discord.Interaction[Any], _: list[str]) -> None:
        await interaction.response.edit_message(content=words.STAYS, view=None)

    async def _switch_off(self, interaction: discord.Interaction[Any], _: list[str]) -> None:
        await self._answer(interaction, self._choose(interaction.user.id, keep=False))

    async def _send_file(self, interaction: discord.Interaction[Any], _: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            found = await self._memory.export(interaction.user.id)
        except aiosqlite.Error as error:
            _log.warning("The memory could not be exported: %s", error)
            await interaction.followup.send(NOT_NOW, ephemeral=True)
            return
        try:
            file = await asyncio.to_thread(facts_file, found)
        except UserError as error:
            await interaction.followup.send(str(error), ephemeral=True)
            return
        await interaction.followup.send(FILE.format(count=len(found)), file=file, ephemeral=True)

    async def _answer(self, interaction: discord.Interaction[Any], doing: Any) -> None:
        """Do something that may take seconds, then tell what was done, in place of the message with the control."""
        await interaction.response.defer()
        try:
            text = await doing
        except UserError as error:
            text = str(error)
        await interaction.edit_original_response(content=text, view=None)


def _asker(ctx: Context) -> MemoryAsker:
    return MemoryAsker(ctx.author.id, ctx.guild.id if ctx.guild is not None else None)


def _not_now(error: aiosqlite.Error) -> UserError:
    _log.warning("A command about the memory could not be carried out: %s", error)
    return UserError(NOT_NOW)
