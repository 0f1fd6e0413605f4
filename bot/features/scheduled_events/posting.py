"""Posts events, and notifies the author of an event that could not be posted."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from enum import Enum

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail, discord_error_text
from bot.features.scheduled_events.records import EventFile, ScheduledEvent

_log = logging.getLogger(__name__)

GONE = "🗓️ The channel of your scheduled event {id} is gone, so I stopped posting it."
REFUSED = (
    "🗓️ I could not post your scheduled event {id}: in <#{channel}> I am not allowed to {missing}. "
    "It stays on the schedule, and I post it at its next times as soon as I am allowed to."
)
MISSED = (
    "🗓️ I did not post your scheduled event {id} when it came due, because I was switched off then. "
    "It stays on the schedule, and I post it at its next times."
)
FAILED = (
    "🗓️ I could not post your scheduled event {id}, because Discord did not take it. "
    "It stays on the schedule, and I post it at its next times."
)
QUOTE = " It was: {text}"
NOT_NOTIFIED = "The author of scheduled event %d could not be notified: %s"
MAX_QUOTED = 1_500
"""Maximum number of characters of an event's text in a notice to its author."""

_CLOSED = frozenset({50083, 160005})
"""Discord's error codes for archived and locked threads."""


class PostResult(Enum):
    """Result of posting an event."""

    POSTED = "posted"
    REFUSED = "not allowed"
    GONE = "the channel is gone"
    FAILED = "Discord could not be reached, or failed"


class Poster:
    """Posts events, and notifies their authors. Errors of Discord are logged, not raised."""

    def __init__(self, bot: discord.Client) -> None:
        self._bot = bot

    async def post(self, event: ScheduledEvent, file: EventFile | None) -> PostResult:
        """Post an event. An error is logged."""
        try:
            channel = self._bot.get_channel(event.channel) or await self._bot.fetch_channel(event.channel)
            if not isinstance(channel, discord.abc.Messageable):
                return PostResult.GONE
            files = [discord.File(io.BytesIO(file.data), file.name)] if file else []
            await channel.send(event.text, files=files, allowed_mentions=_mention_only(event.author))
        except discord.NotFound:
            return PostResult.GONE
        except discord.HTTPException as error:
            _log.warning("Scheduled event %d could not be posted: %s", event.id, error)
            refused = isinstance(error, discord.Forbidden) or error.code in _CLOSED
            return PostResult.REFUSED if refused else PostResult.FAILED
        except DISCORD_ERRORS as error:
            _log.warning("Scheduled event %d could not be posted: %s", event.id, discord_error_text(error))
            return PostResult.FAILED
        return PostResult.POSTED

    def missing(self, event: ScheduledEvent) -> list[str] | None:
        """The permissions that the bot lacks in the event's channel, in words for people.

        ``None`` if they are not known, for instance because the thread is archived.
        """
        guild = self._bot.get_guild(event.guild)
        channel = guild.get_channel_or_thread(event.channel) if guild else None
        if guild is None or channel is None:
            return None
        return _missing(channel, guild.me, attach=event.file_name is not None)

    async def notify_gone(self, event: ScheduledEvent) -> None:
        """Notify the author that the channel is gone."""
        await self._notify_author(event, GONE.format(id=event.id))

    async def notify_missed(self, event: ScheduledEvent) -> None:
        """Notify the author that the event came due while the bot was not running."""
        await self._notify_author(event, MISSED.format(id=event.id))

    async def notify_failed(self, event: ScheduledEvent) -> None:
        """Notify the author that Discord did not take the post."""
        await self._notify_author(event, FAILED.format(id=event.id))

    async def notify_refused(self, event: ScheduledEvent) -> None:
        """Notify the author that the bot may not post in the channel."""
        missing = " and ".join(self.missing(event) or ["write"])
        await self._notify_author(event, REFUSED.format(id=event.id, channel=event.channel, missing=missing))

    async def _notify_author(self, event: ScheduledEvent, text: str) -> None:
        """Send the author a direct message with the event's text, or write in a channel that they can read."""
        quoted = QUOTE.format(text=event.text[:MAX_QUOTED]) if event.text else ""
        try:
            author = self._bot.get_user(event.author) or await self._bot.fetch_user(event.author)
            await author.send(text + quoted, allowed_mentions=discord.AllowedMentions.none())
        except DISCORD_ERRORS as error:
            line = "The author of scheduled event %d accepts no direct messages: %s"
            _log.info(line, event.id, discord_error_detail(error))
            await self._notify_in_channel(event, text)

    async def _notify_in_channel(self, event: ScheduledEvent, text: str) -> None:
        guild = self._bot.get_guild(event.guild)
        if guild is None:
            _log.warning(NOT_NOTIFIED, event.id, "the bot has left the server")
            return
        try:
            author = guild.get_member(event.author) or await guild.fetch_member(event.author)
            for channel in _other_channels(guild, event.channel):
                if not _missing(channel, guild.me) and channel.permissions_for(author).view_channel:
                    await channel.send(f"{author.mention} {text}", allowed_mentions=_mention_only(author.id))
                    return
        except DISCORD_ERRORS as error:
            _log.warning(NOT_NOTIFIED, event.id, discord_error_detail(error))
        else:
            _log.warning(
                NOT_NOTIFIED, event.id, "there is no channel in which the bot may write and which they can read"
            )


def _mention_only(author: int) -> discord.AllowedMentions:
    return discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(author)], replied_user=False)


def _missing(
    channel: discord.abc.GuildChannel | discord.Thread, me: discord.Member, *, attach: bool = False
) -> list[str]:
    writing = "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"
    allowed = channel.permissions_for(me)
    needed = ("view_channel", writing, *(("attach_files",) if attach else ()))
    return [name.replace("_", " ") for name in needed if not getattr(allowed, name)]


def _other_channels(guild: discord.Guild, channel: int) -> Iterator[discord.TextChannel]:
    """The server's text channels other than ``channel``, the nearest ones first.

    If ``channel`` is a thread, its parent comes first. Then come the channels of the same category, then all others.
    """
    target = guild.get_channel_or_thread(channel)
    if isinstance(target, discord.Thread) and isinstance(target.parent, discord.TextChannel):
        yield target.parent
    others = [each for each in guild.text_channels if each.id != channel]
    category = getattr(target, "category_id", None)
    yield from sorted(others, key=lambda each: category is None or each.category_id != category)
