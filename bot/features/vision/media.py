"""Finds the pictures and videos of a message, and checks Discord's data about them before any download."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass

import discord

from bot.pictures import MAX_PIXELS
from bot.text import shorten

MAX_ITEMS = 4
"""Maximum number of pictures and videos of one message that are described."""
_MAX_NAME, _MAX_KIND = 60, 30
"""Maximum number of characters of a file's name, and of its kind in an error text."""
_VISIBLE = ("image/", "video/")
_KNOWN = frozenset(f"image/{kind}" for kind in ("png", "apng", "jpeg", "gif", "webp", "avif")) | frozenset(
    f"video/{kind}" for kind in ("mp4", "quicktime", "webm", "x-matroska", "x-m4v")
)


class VisionError(Exception):
    """A picture or video can't be described. The text says why, for the person who sent it.

    ``seen`` is the description of the message's other pictures, if there are any.
    """

    def __init__(self, text: str, seen: str | None = None) -> None:
        super().__init__(text)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class MediaItem:
    """A picture or video to describe.

    ``kind`` is a MIME type. ``size`` is in bytes, ``width`` and ``height`` are in pixels; each is 0 if unknown.
    ``sent`` is False for the preview picture of a link. ``origin`` says in which other message the picture is; it is
    empty for the message itself.
    """

    url: str
    name: str
    kind: str
    size: int = 0
    width: int = 0
    height: int = 0
    sent: bool = True
    origin: str = ""

    @property
    def title(self) -> str:
        """The title that the model gets."""
        return f"{self.name}, {self.origin}" if self.origin else self.name


def find_media(message: discord.Message) -> list[MediaItem]:
    """The pictures and videos of a message and of messages that it forwards or replies to, embeds included."""
    quoted = message.reference.resolved if message.reference is not None else None
    items = [*_items_of(message), *_forwarded_items(message, "in the message that is forwarded")]
    if isinstance(quoted, discord.Message):
        origin = "in the message that is replied to"
        items += [*_items_of(quoted, origin), *_forwarded_items(quoted, origin)]
    return items[:MAX_ITEMS]


def shows_pictures(message: discord.Message) -> bool:
    """Whether a person sent a picture or video with the message. Preview pictures of links do not count."""
    return any(item.sent for item in find_media(message))


def check_media(item: MediaItem, max_bytes: int) -> None:
    """Refuse a picture or video that can't be decoded.

    Raises:
        VisionError: the format is unknown, or the file is too large.
    """
    if item.kind not in _KNOWN:
        kind = shorten(item.kind.partition("/")[2], _MAX_KIND)
        raise VisionError(f"❌ I can't look at {item.name}: I don't know {kind} files.")
    if item.size > max_bytes:
        raise too_large(item, max_bytes)
    if item.width * item.height > MAX_PIXELS:
        raise VisionError(f"❌ {item.name} is too large for me: {item.width} by {item.height} pixels.")


def too_large(item: MediaItem, max_bytes: int) -> VisionError:
    """The error for a file of more than ``max_bytes``."""
    return VisionError(f"❌ {item.name} is too large for me: I look at files of up to {max_bytes / 2**20:g} MB.")


def _forwarded_items(message: discord.Message, origin: str) -> Iterator[MediaItem]:
    for snapshot in message.message_snapshots:
        yield from _items_of(snapshot, origin)


def _items_of(content: discord.Message | discord.MessageSnapshot, origin: str = "") -> Iterator[MediaItem]:
    attached = [_attachment_item(attachment, origin) for attachment in content.attachments]
    yield from (item for item in attached if item.kind.startswith(_VISIBLE))
    yield from _embed_items(content.embeds, origin)


def _attachment_item(attachment: discord.Attachment, origin: str) -> MediaItem:
    kind = (attachment.content_type or mimetypes.guess_type(attachment.filename)[0] or "").partition(";")[0]
    return MediaItem(
        attachment.url,
        _shown_name(attachment.filename),
        kind.strip().lower(),
        attachment.size,
        attachment.width or 0,
        attachment.height or 0,
        origin=origin,
    )


def _embed_items(embeds: list[discord.Embed], origin: str) -> list[MediaItem]:
    """The pictures of embeds, at the addresses of Discord's proxy.

    The original addresses are not used, because they may lead anywhere, such as to a machine in the operator's network.
    """
    pictures = [embed.image if embed.image.proxy_url else embed.thumbnail for embed in embeds]
    return [
        MediaItem(
            picture.proxy_url,
            "the picture of a link",
            # Discord does not tell the format. Every picture is decoded by its bytes, so any kind of picture will do.
            "image/png",
            0,
            picture.width or 0,
            picture.height or 0,
            sent=False,
            origin=origin,
        )
        for picture in pictures
        if picture.proxy_url
    ]


def _shown_name(name: str) -> str:
    return discord.utils.escape_markdown(shorten(" ".join(name.split()), _MAX_NAME))
