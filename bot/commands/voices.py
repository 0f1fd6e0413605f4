"""The ``voice`` commands: list, use, preview, clone, record, delete."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import escape_markdown

from bot.command_helpers import is_manager, require_guild
from bot.commands.asking import ButtonAnswer, Choices, ask
from bot.commands.elapsed_time import show_elapsed
from bot.commands.member_name import MemberName
from bot.commands.sound_files import read_attachment, sound_file
from bot.commands.voice_recording import VoiceRecordings
from bot.commands.voice_words import cloned_text, list_text, new_name
from bot.speech_server.errors import VoicesError
from bot.speech_server.voices import RecordingUpload, ServerVoice
from bot.text import shorten, split_message
from bot.voice.turn import Prompt, PromptKind
from bot.voices.introductions import Introductions
from bot.voices.voices import DEFAULT, CommandUser, Voices

Context = commands.Context[Any]
Language = Literal[
    "en", "de", "fr", "es", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"
]

SUGGESTED = 25
"""Maximum number of suggestions. Discord shows no more."""
LEARNING = "🧠 I'm learning how **{name}** sounds…"


class VoicesCommands(commands.Cog, name="Voices"):
    """Choose how I sound, and teach me new voices.

    Args:
        recordings: records people who agree to it.
        say: has the current call on a server (by id) say something. Returns False if no call is on.
        language: the language of a recording if the person names none.
    """

    def __init__(
        self,
        voices: Voices,
        introductions: Introductions,
        recordings: VoiceRecordings,
        say: Callable[[int, Prompt], bool],
        language: str,
        prefix: str,
    ) -> None:
        self._voices = voices
        self._introductions = introductions
        self._recordings = recordings
        self._say = say
        self._language = language
        self._prefix = prefix

    @commands.hybrid_group(
        case_insensitive=True,
        description="Show the voices that I can speak with.",
        usage="list|use|preview|clone|record|delete",
        brief="my voices",
    )
    @commands.guild_only()
    async def voice(self, ctx: Context) -> None:
        """Show my voices (`list`), hear, choose or make one (`preview`, `use`, `clone`, `record`), or `delete` it."""
        await self._list(ctx)

    @voice.command(
        name="list",
        description="Show the voices that I can speak with here.",
        usage="[words]",
        extras={"example": "french"},
    )
    @commands.guild_only()
    @app_commands.describe(
        words="Only voices with these words in their name or language. Leave it empty for all voices."
    )
    async def list_voices(self, ctx: Context, *, words: str = "") -> None:
        """Show the voices that I can speak with here, or those with some words in their name or language."""
        await self._list(ctx, words)

    async def _list(self, ctx: Context, words: str = "") -> None:
        await ctx.defer()
        catalogue = await self._voices.catalogue()
        text = list_text(catalogue, self._voices.chosen(require_guild(ctx).id), self._prefix, words)
        for part in split_message(text):
            await ctx.send(part)

    @voice.command(
        description='Choose the voice I speak with here; "default" is my usual one.',
        usage="NAME",
        extras={"example": "default"},
    )
    @commands.guild_only()
    @app_commands.describe(name="A voice from the list, or: default.")
    async def use(self, ctx: Context, *, name: str) -> None:
        """Choose the voice I speak with on this server, from my next answer on; `default` is my usual one."""
        await ctx.defer()
        guild = require_guild(ctx)
        if name.strip().casefold() == DEFAULT:
            await self._voices.choose(guild.id, None)
            await ctx.send("🗣️ I speak with my usual voice again.")
            return
        voice = await self._voices.find(name)
        await self._voices.check(voice)
        await self._voices.choose(guild.id, voice)
        await ctx.send(f"🗣️ I speak as **{_name(voice)}** from my next answer on.")

    @voice.command(
        description="Hear a voice: aloud in a call, otherwise as a sound file.",
        usage="NAME",
        extras={"example": "default"},
    )
    @commands.guild_only()
    @app_commands.describe(name="A voice from the list.")
    async def preview(self, ctx: Context, *, name: str) -> None:
        """Hear a voice: aloud in a call, otherwise as a sound file."""
        await ctx.defer()
        voice = await self._voices.find(name)
        text, author = self._introductions.of(voice), ctx.author
        prompt = Prompt(author.display_name, text, time.monotonic(), None, PromptKind.RECITE, author.id, voice=voice.id)
        if self._say(require_guild(ctx).id, prompt):
            await ctx.send(f"🎤 I'll say something as **{_name(voice)}**.")
            return
        sound = await self._voices.preview(voice)
        await ctx.send(f"🎧 This is **{_name(voice)}**.", file=discord.File(io.BytesIO(sound), f"{voice.id}.wav"))

    @voice.command(
        description="Teach me a voice from a recording of 6 to 30 seconds.",
        usage="[language] NAME",
        extras={"example": "Robin"},
    )
    @commands.guild_only()
    @app_commands.describe(
        name="The voice's name. A voice that you made before gets another recording.",
        recording="6 to 30 seconds of one person speaking.",
        language="The language that is spoken in it.",
    )
    async def clone(
        self, ctx: Context, recording: discord.Attachment | None = None, language: Language | None = None, *, name: str
    ) -> None:
        """Teach me a voice from a recording of 6 to 30 seconds: attach it, or reply to the message that has it."""
        await ctx.defer()
        name = new_name(name)
        file = await sound_file(ctx, recording, self._prefix)
        await self._voices.require_cloning()
        message = await ctx.send(LEARNING.format(name=escape_markdown(name)))
        await self._learn(ctx, message, name, language, await read_attachment(file))

    @voice.command(
        description="Teach me your voice, or that of somebody who agrees: 10 seconds spoken in the call.",
        usage="NAME [@user] [language]",
        extras={"example": "Robin @Ben"},
    )
    @commands.guild_only()
    @app_commands.describe(
        name="The voice's name.",
        member="Whom to record. Leave it empty for yourself.",
        language="The language they speak.",
    )
    async def record(
        self,
        ctx: Context,
        name: str,
        # The type has no "| None", because discord.py would then silently ignore an unknown name.
        member: Annotated[discord.Member, MemberName()] = commands.parameter(default=None),
        language: Language = commands.parameter(default=None),
    ) -> None:
        """Teach me your voice, or that of somebody who says yes: 10 seconds of it, spoken in the call."""
        await ctx.defer()
        name = new_name(name)
        person = member or ctx.author
        if not isinstance(person, discord.Member):
            raise commands.NoPrivateMessage
        await self._voices.require_cloning()
        recorded = await self._recordings.record(ctx, person, name)
        if recorded is not None:
            message, recording = recorded
            await message.edit(content=LEARNING.format(name=escape_markdown(name)))
            await self._learn(ctx, message, name, language, recording)

    async def _learn(
        self, ctx: Context, message: discord.Message, name: str, language: str | None, recording: RecordingUpload
    ) -> None:
        try:
            async with show_elapsed(message, LEARNING.format(name=escape_markdown(name))):
                voice = await self._voices.clone(_person(ctx), name, language or self._language, recording)
        except VoicesError as error:
            await message.edit(content=str(error))
            return
        await message.edit(content=cloned_text(voice, self._prefix))

    @voice.command(description="Delete a voice that you made.", usage="NAME", extras={"example": "Robin"})
    @commands.guild_only()
    @app_commands.describe(name="A voice that people made here.")
    async def delete(self, ctx: Context, *, name: str) -> None:
        """Delete a voice that you made, and its recordings. Managers of this server can delete any voice made on it."""
        await ctx.defer()
        voice = await self._voices.find_changeable(_person(ctx), name)
        question = f"🗑️ Delete **{_name(voice)}** and its recordings for good?"
        asked = await ask(ctx, ctx.author, question, Choices("Delete it", "Keep it", dangerous=True))
        if asked.answer is not ButtonAnswer.YES:
            await asked.message.edit(content=f"👍 **{_name(voice)}** stays.", view=None)
            return
        try:
            await self._voices.delete(voice)
        except VoicesError as error:
            await asked.message.edit(content=str(error), view=None)
            return
        await asked.message.edit(content=f"🗑️ **{_name(voice)}** is gone, and its recordings too.", view=None)

    @use.autocomplete("name")
    @preview.autocomplete("name")
    async def suggest_any(self, _: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        """Suggest voices whose names contain the typed text."""
        return await self._suggestions(typed, lambda _: True)

    @delete.autocomplete("name")
    async def suggest_made(self, _: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        """Suggest cloned voices whose names contain the typed text."""
        return await self._suggestions(typed, lambda voice: voice.made_here)

    async def _suggestions(self, typed: str, fits: Callable[[ServerVoice], bool]) -> list[app_commands.Choice[str]]:
        try:
            voices = (await self._voices.recent_catalogue()).voices
        except VoicesError:
            return []
        wanted = typed.strip().casefold()
        names = dict.fromkeys(voice.name for voice in voices if fits(voice) and wanted in voice.name.casefold())
        return [app_commands.Choice(name=shorten(name, 100), value=shorten(name, 100)) for name in [*names][:SUGGESTED]]


def _name(voice: ServerVoice) -> str:
    return escape_markdown(voice.name)


def _person(ctx: Context) -> CommandUser:
    return CommandUser(ctx.author.id, require_guild(ctx).id, is_manager(ctx.author))
