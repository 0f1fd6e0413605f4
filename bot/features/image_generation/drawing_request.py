"""Requests for drawings, and answers to these requests.

A request comes as a message, as a command, or from the model's drawing tool.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord.ext import commands

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.replying import ONLY_AUTHOR, reply_to

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpokenRequest:
    """A wish for a drawing that the model has passed on from a conversation. There is no message to reply to.

    Attributes:
        channel: where the drawing is posted.
    """

    author: discord.Member | discord.User
    channel: discord.abc.Messageable
    guild: discord.Guild | None


DrawingRequest = discord.Message | commands.Context[Any] | SpokenRequest
"""The message, command or wish by which somebody asks for a drawing."""

_WISH = re.compile(
    r"(?:\w[\w ]{0,31}[,:!]\s+)?"
    r"(?:(?:please|hey|ok|okay|now|can you|could you|would you|will you),?\s+)*"
    r"(?:draw|paint|sketch)\s+(?:(?:me|us)\s+)?(?:(?:a|the)\s+(?:picture|image|drawing|painting|sketch)\s+of\s+)?"
    r"(?P<what>\S.*?)(?:[,\s]+please)?[\s.!?]*",
    re.IGNORECASE | re.DOTALL,
)
_IDIOM = re.compile(
    r"(?:(?:a|any|the|your|some|that)\s+)?"
    r"(?:conclusions?|lines?\s+(?:at|between|here|somewhere)\b|line$|attention|breath|blank|near|back|lots?$"
    r"|comparisons?|parallels?|inspiration|blood|out|in|on|up)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def drawing_subject(text: str) -> str | None:
    """The subject of the drawing that ``text`` asks the bot for ("draw a cat"); ``None`` if it asks for no drawing."""
    wish = _WISH.fullmatch(text.strip())
    if wish is None or _IDIOM.fullmatch(wish["what"]):
        return None
    return wish["what"]


def addressed(request: DrawingRequest, text: str) -> str:
    """The text, with a mention of the person at its beginning if there is no message to reply to."""
    if not isinstance(request, SpokenRequest) or text.startswith(request.author.mention):
        return text
    return f"{request.author.mention} {text}"


async def answer(request: DrawingRequest, content: str, files: Sequence[discord.File] = ()) -> discord.Message:
    """Answer a request, as a reply where that is possible; raises :class:`discord.HTTPException`.

    The asker's message may have been deleted.
    """
    if isinstance(request, SpokenRequest):
        mentions = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(request.author.id)])
        return await request.channel.send(addressed(request, content), files=list(files), allowed_mentions=mentions)
    message = _message_of(request)
    if message is None:
        return await request.reply(content, files=list(files), allowed_mentions=ONLY_AUTHOR)
    return await reply_to(message, content, files=list(files))


async def react(request: DrawingRequest, emoji: str) -> None:
    """React to the asker's message. A failure is only logged. A request without a message gets no reaction."""
    message = _message_of(request)
    if message is None:
        return
    try:
        await message.add_reaction(emoji)
    except DISCORD_ERRORS as error:
        _log.info("Could not react: %s", discord_error_detail(error))


def _message_of(request: DrawingRequest) -> discord.Message | None:
    """The message that asks for the drawing; ``None`` for a slash command and a wish, which have no message."""
    if isinstance(request, discord.Message):
        return request
    if isinstance(request, SpokenRequest):
        return None
    return request.message if request.interaction is None else None
