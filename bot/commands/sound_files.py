"""The sound file that comes with a command, or hangs on the message that it answers."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands
from discord.utils import escape_markdown

from bot.speech_server.voices import RecordingUpload
from bot.text import shorten
from bot.user_error import UserError

Context = commands.Context[Any]

MAX_BYTES = 25 * 1024 * 1024
"""30 s in any form that people send, and all that the speech server takes."""
NO_FILE = (
    "❌ I need a recording of 6 to 30 seconds: attach a sound file, or reply to a message that has one (such as a "
    "voice message). `{prefix}voice record NAME` records you in the call."
)
NO_SOUND = "❌ {name} is not a sound file."
TOO_LARGE = f"❌ {{name}} is too large: {MAX_BYTES // 1024**2} MB is the limit."
NOT_FETCHED = "❌ I could not get that file from Discord; please try again."
_SOUND_KINDS = ("audio/", "video/", "application/ogg", "application/octet-stream")
"""A telephone's recording may be a video's container; what it really is, the speech server finds out."""


async def sound_file(ctx: Context, given: discord.Attachment | None, prefix: str) -> discord.Attachment:
    """The file to take; nothing is downloaded yet.

    Raises:
        UserError: there is none, it is no sound, or it is too large.
    """
    files = [given] if given is not None else await _answered(ctx)
    if not files:
        raise UserError(NO_FILE.format(prefix=prefix))
    file = next((file for file in files if _may_be_sound(file)), None)
    if file is None:
        raise UserError(NO_SOUND.format(name=_named(files[0])))
    if file.size > MAX_BYTES:
        raise UserError(TOO_LARGE.format(name=_named(file)))
    return file


async def read_attachment(file: discord.Attachment) -> RecordingUpload:
    """Get it from Discord; raises :class:`~bot.user_error.UserError`."""
    try:
        return RecordingUpload(file.filename, await file.read())
    except discord.HTTPException as error:
        raise UserError(NOT_FETCHED) from error


async def _answered(ctx: Context) -> list[discord.Attachment]:
    """The files of the message that the command answers."""
    reference = ctx.message.reference if ctx.interaction is None else None
    if reference is None or reference.message_id is None:
        return []
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved.attachments
    try:
        return (await ctx.channel.fetch_message(reference.message_id)).attachments
    except discord.HTTPException:
        return []


def _may_be_sound(file: discord.Attachment) -> bool:
    return file.content_type is None or file.content_type.startswith(_SOUND_KINDS)


def _named(file: discord.Attachment) -> str:
    return escape_markdown(shorten(file.filename, 60))
