"""The ``schedule`` commands: add, list, remove."""

from __future__ import annotations

from typing import Annotated, Any

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import escape_markdown

from bot.command_helpers import require_guild
from bot.discord_errors import DISCORD_ERRORS
from bot.features.scheduled_events.entry import Entry, read_entry
from bot.features.scheduled_events.feature import PlannedEvent, ScheduledEvents
from bot.features.scheduled_events.records import MAX_EVENTS, EventDraft, EventFile, ScheduleFullError
from bot.features.scheduled_events.times import EXAMPLES
from bot.text import MESSAGE_LIMIT, shorten, split_message
from bot.times_of_day import TimesError
from bot.user_error import UserError
from bot.whole_number import WholeNumber

Context = commands.Context[Any]

MAX_FILE = 8 * 1024 * 1024
"""Maximum number of bytes of a file."""
MAX_LISTED = 60
"""Maximum number of characters of an event's text in a list."""
MAX_NUMBER = 999_999_999
"""Highest event number that ``schedule remove`` accepts."""
BAD_TIMES = "❌ I don't understand when: {reason}. Write a time, for example {examples}, and then the text to post."
FULL = f"❌ This server's schedule is full: {MAX_EVENTS} entries is the limit. `{{prefix}}schedule remove` makes room."
FILE_TOO_LARGE = "❌ That file is too large for the schedule: the limit is 8 MB."
TEXT_TOO_LONG = f"❌ That text is too long: a message has at most {MESSAGE_LIMIT} characters."
NOTHING_TO_POST = "❌ There is nothing to post. Write the text after the time, or attach a file."
NO_CHANNEL = "❌ I can't post there. It must be a text channel of this server in which both you and I may write."
NO_FILE = "❌ I could not get that file from Discord; please try again."
NOTHING_PLANNED = "🗓️ Nothing is scheduled on this server."
NO_SUCH_EVENT = "❌ There is no event {id} on this server's schedule."


class ScheduleCommands(commands.Cog, name="Schedule"):
    """Have texts and files posted at set times.

    Args:
        zone: the name of the schedule's time zone.
    """

    def __init__(self, events: ScheduledEvents, zone: str, prefix: str) -> None:
        self._events = events
        self._zone = zone
        self._prefix = prefix

    @commands.hybrid_group(
        case_insensitive=True,
        description="Show what I post at set times.",
        usage="add|list|remove",
        brief="what I post at set times",
    )
    @commands.guild_only()
    async def schedule(self, ctx: Context) -> None:
        """Show what I post at set times (`list`), or change it (`add`, `remove`)."""
        await self._list(ctx)

    @schedule.command(
        description="Post a text, or the attached file, at set times.",
        usage="[--skip] [#channel] TIME TEXT",
        extras={"example": "monday 18:00 It is Monday!"},
    )
    @commands.guild_only()
    @app_commands.describe(
        entry="[--skip] [#channel] TIME TEXT, e.g. monday 18:00 Hello! --skip: leave it out if a call is on then.",
        file="A file to post with the text, 8 MB at most.",
    )
    async def add(self, ctx: Context, file: discord.Attachment | None = None, *, entry: str) -> None:
        """Post a text, or the attached file, at set times: `monday 18:00 It is Monday!`."""
        await ctx.defer()
        try:
            wanted = read_entry(entry)
            planned = await self._events.add(await self._draft(ctx, wanted, file))
        except TimesError as error:
            raise UserError(BAD_TIMES.format(reason=error, examples=EXAMPLES)) from error
        except ScheduleFullError as error:
            raise UserError(FULL.format(prefix=self._prefix)) from error
        await ctx.send(f"🗓️ On the schedule ({self._zone}): {_line(planned)}")

    async def _draft(self, ctx: Context, entry: Entry, file: discord.Attachment | None) -> EventDraft:
        if not entry.text and file is None:
            raise UserError(NOTHING_TO_POST)
        if len(entry.text) > MESSAGE_LIMIT:
            raise UserError(TEXT_TOO_LONG)
        if file is not None and file.size > MAX_FILE:
            raise UserError(FILE_TOO_LARGE)
        return EventDraft(
            require_guild(ctx).id,
            _channel(ctx, entry.channel).id,
            ctx.author.id,
            entry.cron,
            entry.text,
            await _download(file) if file else None,
            entry.skip,
        )

    @schedule.command(name="list", description="Show what I post on this server at set times.")
    @commands.guild_only()
    async def list_events(self, ctx: Context) -> None:
        """Show what I post on this server at set times."""
        await self._list(ctx)

    async def _list(self, ctx: Context) -> None:
        planned = await self._events.planned(require_guild(ctx).id)
        if not planned:
            await ctx.send(NOTHING_PLANNED)
            return
        lines = [f"🗓️ On the schedule ({self._zone}):", *map(_line, planned)]
        for part in split_message("\n".join(lines)):
            await ctx.send(part)

    @schedule.command(description="Remove an entry from the schedule.", usage="NUMBER", extras={"example": "3"})
    @commands.guild_only()
    @app_commands.describe(number="Its number in the list.")
    async def remove(
        self, ctx: Context, number: Annotated[int, WholeNumber(1, MAX_NUMBER, named="one of the numbers in the list")]
    ) -> None:
        """Remove an entry from the schedule, by its number in the list."""
        if not await self._events.remove(require_guild(ctx).id, number):
            raise UserError(NO_SUCH_EVENT.format(id=number))
        await ctx.send(f"🗑️ Event {number} is off the schedule.")


def _channel(ctx: Context, named: int | None) -> discord.abc.GuildChannel | discord.Thread:
    guild = require_guild(ctx)
    channel = ctx.channel if named is None else guild.get_channel_or_thread(named)
    if not isinstance(channel, discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread):
        raise UserError(NO_CHANNEL)
    for member in (ctx.author, guild.me):
        allowed = channel.permissions_for(member) if isinstance(member, discord.Member) else discord.Permissions.none()
        writes = allowed.send_messages_in_threads if isinstance(channel, discord.Thread) else allowed.send_messages
        if not allowed.view_channel or not writes:
            raise UserError(NO_CHANNEL)
    return channel


async def _download(file: discord.Attachment) -> EventFile:
    try:
        data = await file.read()
    except DISCORD_ERRORS as error:
        raise UserError(NO_FILE) from error
    return EventFile(file.filename, data)


def _line(planned: PlannedEvent) -> str:
    event = planned.event
    when = "its channel is gone" if event.disabled else "never again"
    if planned.next_at is not None:
        when = f"next <t:{planned.next_at:.0f}:f>"
    parts = [f"**{event.id}** `{event.cron}` <#{event.channel}>, {when}"]
    if event.text:
        parts.append(escape_markdown(shorten(" ".join(event.text.split()), MAX_LISTED)))
    if event.file_name:
        parts.append(f"📎 {escape_markdown(shorten(event.file_name, MAX_LISTED))}")
    if planned.missing:
        parts.append(f"⚠️ not posted at the moment: I'm not allowed to {' and '.join(planned.missing)}")
    if event.skip:
        parts.append("(left out if a call is on then)")
    return " · ".join(parts)
