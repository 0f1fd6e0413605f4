"""Posts the notes of calls on Discord: in a thread of the prompt channel, or in the channel itself."""

from __future__ import annotations

import io
import logging

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.notes.finishing import NotesPost, PostLaterError
from bot.replying import NOBODY
from bot.text import shorten

_log = logging.getLogger(__name__)

THREAD_NAME_CHARS = 100
"""Maximum number of characters of a thread's name."""
LOOK_BACK = 100
"""Number of newest messages among which those of an earlier attempt are looked for."""
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class DiscordNotesPoster:
    """Posts notes on Discord (a :class:`~bot.notes.finishing.NotesPoster`). They mention nobody."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def post(self, channel: int, post: NotesPost) -> str:
        """Post notes in a new thread of a channel, and return the first message's address.

        If no thread can be made there, the notes are posted in the channel. Returns "" if that is not possible either.

        Raises:
            PostLaterError: Discord can't be reached, or has a fault.
        """
        if self._client.is_closed():
            raise PostLaterError("the connection to Discord is closed")
        try:
            found = self._client.get_channel(channel) or await self._client.fetch_channel(channel)
            if not isinstance(found, Place):
                return ""
            place = (await self._thread_of_before(found, post) if post.again else None) or await self._thread(
                found, post.title
            )
            return await self._post(place, post)
        except (discord.NotFound, discord.Forbidden) as error:
            _log.warning("The notes %r can't be posted: %s", post.title, discord_error_text(error))
            return ""
        except DISCORD_ERRORS as error:
            raise PostLaterError(discord_error_text(error)) from error

    async def _thread_of_before(self, channel: Place, post: NotesPost) -> Place | None:
        """The thread that an earlier attempt has made for these notes; ``None`` if there is none.

        The thread is found by its name, which has the time of the call. It may be empty, or have the beginning of the
        notes.
        """
        if not isinstance(channel, discord.TextChannel) or self._client.user is None:
            return None
        name = _thread_name(post.title)
        for thread in await channel.guild.active_threads():
            if thread.parent_id == channel.id and thread.owner_id == self._client.user.id and thread.name == name:
                posted = await self._posted(thread)
                if not posted or post.messages[0].strip() in posted:
                    return thread
        return None

    async def _posted(self, place: Place) -> dict[str, discord.Message]:
        """The bot's own newest messages in a place, by their text; none if they can't be read."""
        try:
            newest = [message async for message in place.history(limit=LOOK_BACK)]
        except discord.Forbidden:
            return {}
        return {message.content: message for message in newest if message.author == self._client.user}

    async def _thread(self, channel: Place, title: str) -> Place:
        """A new thread; the channel itself if it is no text channel, or if the bot may not make threads there."""
        if not isinstance(channel, discord.TextChannel):
            return channel
        try:
            return await channel.create_thread(
                name=_thread_name(title), type=discord.ChannelType.public_thread, reason="Notes of a call"
            )
        except discord.Forbidden:
            return channel

    async def _post(self, place: Place, post: NotesPost) -> str:
        """Post the messages. The last one has the file, unless it is too large or files are not allowed here.

        Returns the link to the first message.
        """
        *others, last = post.messages
        posted = await self._posted(place) if post.again else {}
        first: discord.Message | None = None
        for text in others:
            message = posted.get(text.strip()) or await self._send(place, text)
            first = first or message
        if (message_of_before := posted.get(last.strip())) is not None:
            return (first or message_of_before).jump_url
        try:
            file = discord.File(io.BytesIO(post.file), post.file_name)
            message = await place.send(last, file=file, allowed_mentions=NOBODY, suppress_embeds=True)
        except discord.HTTPException as error:
            # 413: this server takes smaller files. Forbidden: no right to attach files.
            if not isinstance(error, discord.Forbidden) and error.status != 413:
                raise
            message = await self._send(place, last)
        return (first or message).jump_url

    @staticmethod
    async def _send(place: Place, text: str) -> discord.Message:
        return await place.send(text, allowed_mentions=NOBODY, suppress_embeds=True)


def _thread_name(title: str) -> str:
    return shorten(" ".join(title.split()), THREAD_NAME_CHARS)
