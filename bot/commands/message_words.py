"""Converts a Discord message to plain text, including quoted and forwarded messages, embeds, polls and file names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.llm.cleaning import DiscordNames, clean_name, clean_prompt
from bot.text import shorten

_log = logging.getLogger(__name__)

MAX_QUOTED = 1_000
"""Maximum number of characters of one quoted text."""
MAX_CONTEXT = 3_000
"""Maximum number of characters of the context (quotes, forwards, embeds, polls)."""
MAX_EMBEDS = 3
"""Maximum number of embeds of a message that the text includes."""
MAX_FIELDS = 4
"""Maximum number of fields of an embed that the text includes."""
MAX_POLL_ANSWERS = 10
"""Maximum number of answers of a poll that the text includes."""
MAX_FILES = 10
"""Maximum number of files of a message that the text includes. The same number holds for stickers."""
_MAX_LABEL = 100
_NOBODY = DiscordNames()

Content = discord.Message | discord.MessageSnapshot


@dataclass(frozen=True, slots=True)
class MessageText:
    """A message as plain text.

    Attributes:
        written: the author's own text. It may be empty.
        context: the texts of quoted and forwarded messages, embeds and polls, in brackets. It may be empty.
    """

    written: str
    context: str

    @property
    def text(self) -> str:
        """The author's own text and the context, for the model."""
        return f"{self.written} {self.context}".strip()


def message_text(message: discord.Message, *, quote: bool = True) -> MessageText:
    """The text of a message. Mentions are replaced by names.

    Args:
        quote: whether to include the message that ``message`` replies to. Call :func:`find_quoted` first; it fetches
            that message.
    """
    return MessageText(clean_prompt(message.content, _names(message)), _context(message, quote=quote))


def addressed_message_text(me: discord.abc.User, message: discord.Message, *, quote: bool = True) -> MessageText:
    """The text of a message. Mentions of the bot (``me``) or its role at the beginning are left out."""
    role = role_of(message)
    marks = rf"<@!?{me.id}>" if role is None else rf"<@!?{me.id}>|<@&{role.id}>"
    addressed = re.sub(rf"^(?:\s*(?:{marks})[\s,:]*)+", "", message.content)
    return MessageText(clean_prompt(addressed, _names(message)), _context(message, quote=quote))


def role_of(message: discord.Message) -> discord.Role | None:
    """The bot's own role on the message's server. People may mention this role instead of the bot."""
    return message.guild.self_role if message.guild is not None else None


async def find_quoted(message: discord.Message) -> discord.Message | None:
    """Find the message that ``message`` replies to, and fetch it if necessary.

    The fetched message is stored in ``message.reference``. Returns ``None`` if ``message`` is not a reply, or if the
    message that it replies to was deleted or can't be fetched.
    """
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply or reference.message_id is None:
        return None
    if reference.resolved is None:
        try:
            reference.resolved = await message.channel.fetch_message(reference.message_id)
        except DISCORD_ERRORS as error:
            _log.info("Message %d replies to one that can't be read: %s", message.id, discord_error_detail(error))
            return None
    return reference.resolved if isinstance(reference.resolved, discord.Message) else None


def _context(message: discord.Message, *, quote: bool) -> str:
    parts = [_part("forwarded", _content_lines(snapshot)) for snapshot in message.message_snapshots]
    quoted = message.reference.resolved if message.reference is not None else None
    if quote and isinstance(quoted, discord.Message):
        me = message.guild.me if message.guild is not None else getattr(message.channel, "me", None)
        whose = "what you wrote" if quoted.author == me else clean_name(quoted.author.display_name)
        inside = [
            *_content_lines(quoted),
            *(line for each in quoted.message_snapshots for line in _content_lines(each)),
        ]
        parts.append(_part(f"in reply to {whose}", inside))
    parts.append(_part("shown with it", [*_polls(message), *_embeds(message.embeds)]))
    return shorten(" ".join(filter(None, parts)), MAX_CONTEXT)


def _part(kind: str, lines: Sequence[str]) -> str:
    # The quoted text must not contain the characters that end a quotation.
    inside = "; ".join(line.replace('"]', '")') for line in lines)
    return f"[{kind}: {inside}]" if inside else ""


def _content_lines(content: Content) -> Iterator[str]:
    """The texts of a quoted or forwarded message."""
    if text := clean_prompt(content.content, _names(content) if isinstance(content, discord.Message) else _NOBODY):
        yield f'"{shorten(text, MAX_QUOTED)}"'
    yield from _embeds(content.embeds)
    if isinstance(content, discord.Message):
        yield from _polls(content)
    yield from (f"sticker {_label(sticker.name)}" for sticker in content.stickers[:MAX_FILES])
    yield from (f"file {_label(file.filename)}" for file in content.attachments[:MAX_FILES])


def _embeds(embeds: Sequence[discord.Embed]) -> Iterator[str]:
    for embed in embeds[:MAX_EMBEDS]:
        fields = [text for field in embed.fields[:MAX_FIELDS] for text in (field.name, field.value)]
        texts = (embed.author.name, embed.title, embed.description, *fields)
        words = [clean_prompt(text, _NOBODY) for text in texts if text]
        if any(words):
            yield f'link "{shorten(". ".join(filter(None, words)), MAX_QUOTED)}"'


def _polls(message: discord.Message) -> Iterator[str]:
    if message.poll is not None:
        answers = [_label(answer.text) for answer in message.poll.answers[:MAX_POLL_ANSWERS]]
        yield f'poll "{shorten(clean_prompt(message.poll.question, _NOBODY), MAX_QUOTED)}": {" / ".join(answers)}'


def _label(text: str) -> str:
    return shorten(clean_prompt(text, _NOBODY).replace("]", ")"), _MAX_LABEL)


def _names(message: discord.Message) -> DiscordNames:
    """The names of what a message mentions. discord.py is asked only if there may be a mention: it searches the whole
    text."""
    if "<" not in message.content:
        return _NOBODY
    return DiscordNames(
        users={member.id: member.display_name for member in message.mentions},
        roles={role.id: role.name for role in message.role_mentions},
        channels={channel.id: channel.name for channel in message.channel_mentions},
    )
