"""The ``notes`` command: whether notes of a call are taken, and where the last ones are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import aiosqlite
import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import NO_CALL
from bot.command_helpers import require_guild
from bot.notes.lines import NoteHead
from bot.notes.service import NotesService
from bot.text import escape_markdown
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel
from bot.voice.listening_notice import NOTES_OFF, notes_newcomer
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.note_taking import NotesError

Context = commands.Context[Any]

ON = "📝 I'm taking notes. After the call I post them in my prompt channel."
OFF = "📝 I'm not taking notes."
NONE_YET = "I have no notes of calls on this server."
BEING_WRITTEN = "I'm writing the notes of {call}; I post them when they are done."
POSTED = "The last notes are those of {call}: {link}"
NOT_POSTED = "The last notes are those of {call}. I could not post them; the people who run me have them in a file."
NOT_READ = "❌ I can't read my database just now. Please try again later."


class NoteControls(Protocol):
    """The notes of a call."""

    @property
    def on(self) -> bool:
        """Whether notes are taken, or are being announced."""
        ...

    async def start(self, asked_by: str) -> None:
        """Announce notes, then begin; raises :class:`NotesError`."""
        ...

    async def finish(self) -> None:
        """Take no further notes, and tell everybody."""
        ...


class NotedCall(Protocol):
    """The part of a call that this command needs."""

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel of the call."""
        ...

    @property
    def notes(self) -> NoteControls:
        """The notes of the call."""
        ...

    async def announce(self, written: str) -> PromptHandle | None:
        """Announce something to everyone in the call, in the prompt channel."""
        ...


class NotesCommands(commands.Cog, name="Notes"):
    """Notes of calls.

    Args:
        call: takes a server's id, and returns the current call on this server; ``None`` if there is none.
    """

    def __init__(self, notes: NotesService, call: Callable[[int], NotedCall | None], prefix: str) -> None:
        self._notes = notes
        self._call = call
        self._prefix = prefix

    @commands.hybrid_command(
        description="Show whether I take notes of this call and where the last ones are, or turn notes on or off.",
        usage="[on|off]",
        brief="take notes",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(state="on or off. Leave it empty to see the state, and where the last notes are.")
    async def notes(self, ctx: Context, state: Literal["on", "off"] = commands.parameter(default=None)) -> None:
        """Show whether I take notes of this call and where the last ones are, or turn notes on or off."""
        await ctx.defer()
        server = require_guild(ctx).id
        call = self._call(server)
        if state is not None:
            if call is None:
                raise UserError(NO_CALL)
            await self._switch(call, ctx.author.display_name, to_on=state == "on")
        text = ON if call is not None and call.notes.on else OFF
        last = await self._last(server) if state not in ("on", "off") else ""
        await ctx.send(f"{text} {last}".strip(), allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True)

    async def _switch(self, call: NotedCall, who: str, *, to_on: bool) -> None:
        try:
            if to_on:
                await call.notes.start(who)
            else:
                await call.notes.finish()
        except NotesError as error:
            raise UserError(f"❌ {error}") from error

    async def _last(self, server: int) -> str:
        if self._notes.days == 0:
            return NOTES_OFF
        try:
            head = await self._notes.newest(server)
        except aiosqlite.Error as error:
            raise UserError(NOT_READ) from error
        if head is None:
            return NONE_YET
        text = POSTED if head.posted else NOT_POSTED if head.done else BEING_WRITTEN
        return text.format(call=_call_of(head), link=head.posted)

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Tell people who join a call that notes of it are taken."""
        call = self._call(member.guild.id)
        if call is None or not call.notes.on or member.bot:
            return
        if after.channel is not None and after.channel != before.channel and after.channel.id == call.channel.id:
            await call.announce(notes_newcomer(self._prefix, member.display_name))


def _call_of(head: NoteHead) -> str:
    return f"{escape_markdown(head.place.name)}, <t:{head.started:.0f}:f>"
