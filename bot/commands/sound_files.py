"""Finds and downloads a command's sound file: its own attachment, or one of the message that it replies to."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands
from discord.utils import escape_markdown

from bot.discord_errors import DISCORD_ERRORS
from bot.speech_server.voices import RecordingUpload
from bot.text import shorten
from bot.user_error import UserError

Context = commands.Context[Any]

MAX_MB = 25
"""Size of the largest file. This is enough for 30 s in any usual format, and is the speech server's limit."""
NO_FILE = (
    "❌ I need a recording of 6 to 30 seconds: attach a sound file, or reply to a message that has one (such as a "
    "voice message). `{prefix}voice record NAME` records you in the call."
)
NO_SOUND = "❌ {name} is not a sound file."
TOO_LARGE = "❌ {name} is too large: {limit} MB is the limit."
ONE_FILE = " I took only the first file: one at a time, please."
NOT_THE_NAME = " I took the file, and not the name: one at a time, please."
NOT_FETCHED = "❌ I could not get that file from Discord; please try again."
_SOUND_KINDS = ("audio/", "video/", "application/ogg", "application/octet-stream")
"""Possible types of a sound file. A phone may record sound as a video file. The speech server checks the content."""


async def sound_file(
    ctx: Context, given: discord.Attachment | None, prefix: str, no_file: str = NO_FILE, max_mb: int = MAX_MB
) -> discord.Attachment:
    """Find the sound file of a command. Nothing is downloaded.

    Args:
        no_file: the text for a person who has given none.
        max_mb: size of the largest file.

    Raises:
        UserError: there is no file, or it is not sound, or it is too large.
    """
    files = [given] if given is not None else await _files_replied_to(ctx)
    if not files:
        raise UserError(no_file.format(prefix=prefix))
    file = next((file for file in files if _may_be_sound(file)), None)
    if file is None:
        raise UserError(NO_SOUND.format(name=_named(files[0])))
    if file.size > max_mb * 1024**2:
        raise UserError(TOO_LARGE.format(name=_named(file), limit=max_mb))
    return file


def left_out(ctx: Context, file: discord.Attachment | None, name: str = "") -> str:
    """The sentence to add to an answer if the command was given several files, or a file and a name; else empty."""
    if ctx.interaction is None and len(ctx.message.attachments) > 1:
        return ONE_FILE
    return NOT_THE_NAME if file is not None and name.strip() else ""


async def read_attachment(file: discord.Attachment) -> RecordingUpload:
    """Download a file from Discord; raises :class:`~bot.user_error.UserError`."""
    try:
        return RecordingUpload(file.filename, await file.read())
    except DISCORD_ERRORS as error:
        raise UserError(NOT_FETCHED) from error


async def _files_replied_to(ctx: Context) -> list[discord.Attachment]:
    """The files of the message that the command replies to."""
    reference = ctx.message.reference if ctx.interaction is None else None
    if reference is None or reference.message_id is None:
        return []
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved.attachments
    try:
        return (await ctx.channel.fetch_message(reference.message_id)).attachments
    except DISCORD_ERRORS:
        return []


def _may_be_sound(file: discord.Attachment) -> bool:
    return file.content_type is None or file.content_type.startswith(_SOUND_KINDS)


def _named(file: discord.Attachment) -> str:
    return escape_markdown(shorten(file.filename, 60))
