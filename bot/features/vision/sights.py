"""What there is to look at in a message, judged by what Discord says of it, before anything is downloaded."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass

import discord

from bot.pictures import MAX_PIXELS
from bot.text import shorten

MAX_SIGHTS = 4
"""How many things of one message are looked at."""
_VISIBLE = ("image/", "video/")
_KNOWN = frozenset(f"image/{kind}" for kind in ("png", "apng", "jpeg", "gif", "webp", "avif")) | frozenset(
    f"video/{kind}" for kind in ("mp4", "quicktime", "webm", "x-matroska", "x-m4v")
)


class VisionError(Exception):
    """There is something to look at, and no description of it; the text says why, for the person who sent it.

    ``seen`` describes what else there was to look at, and could be.
    """

    def __init__(self, text: str, seen: str | None = None) -> None:
        super().__init__(text)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class Sight:
    """Something to look at.

    ``kind`` is a MIME type. ``size`` is in bytes, ``width`` and ``height`` in pixels, all 0 where Discord says nothing.
    ``sent`` is False for what merely came along with a link. ``place`` says where it is, unless in the message itself.
    """

    url: str
    name: str
    kind: str
    size: int = 0
    width: int = 0
    height: int = 0
    sent: bool = True
    place: str = ""

    @property
    def title(self) -> str:
        """What a model is told that it looks at."""
        return f"{self.name}, {self.place}" if self.place else self.name


def find_sights(message: discord.Message) -> list[Sight]:
    """The pictures and videos of a message, of what it forwards and replies to, and the pictures of their embeds."""
    quoted = message.reference.resolved if message.reference is not None else None
    sights = [*_inside(message), *_forwarded(message, "in the message that is forwarded")]
    if isinstance(quoted, discord.Message):
        place = "in the message that is replied to"
        sights += [*_inside(quoted, place), *_forwarded(quoted, place)]
    return sights[:MAX_SIGHTS]


def shows_pictures(message: discord.Message) -> bool:
    """Whether somebody shows a picture or video with it; what merely came along with a link does not count."""
    return any(sight.sent for sight in find_sights(message))


def check_sight(sight: Sight, max_bytes: int) -> None:
    """Refuse what can't be looked at.

    Raises:
        VisionError: a kind that nobody here can decode, or too large.
    """
    if sight.kind not in _KNOWN:
        kind = shorten(sight.kind.partition("/")[2], 30)
        raise VisionError(f"❌ I can't look at {sight.name}: I don't know {kind} files.")
    if sight.size > max_bytes:
        raise too_large(sight, max_bytes)
    if sight.width * sight.height > MAX_PIXELS:
        raise VisionError(f"❌ {sight.name} is too large for me: {sight.width} by {sight.height} pixels.")


def too_large(sight: Sight, max_bytes: int) -> VisionError:
    """The file has too many bytes."""
    return VisionError(f"❌ {sight.name} is too large for me: I look at files of up to {max_bytes / 2**20:g} MB.")


def _forwarded(message: discord.Message, place: str) -> Iterator[Sight]:
    for snapshot in message.message_snapshots:
        yield from _inside(snapshot, place)


def _inside(content: discord.Message | discord.MessageSnapshot, place: str = "") -> Iterator[Sight]:
    attached = [_of_attachment(attachment, place) for attachment in content.attachments]
    yield from (sight for sight in attached if sight.kind.startswith(_VISIBLE))
    yield from _of_embeds(content.embeds, place)


def _of_attachment(attachment: discord.Attachment, place: str) -> Sight:
    kind = (attachment.content_type or mimetypes.guess_type(attachment.filename)[0] or "").partition(";")[0]
    return Sight(
        attachment.url,
        _shown_name(attachment.filename),
        kind.strip().lower(),
        attachment.size,
        attachment.width or 0,
        attachment.height or 0,
        place=place,
    )


def _of_embeds(embeds: list[discord.Embed], place: str) -> list[Sight]:
    """Only ever by Discord's proxy: the address itself is anybody's, and could be one inside our own network."""
    pictures = [embed.image if embed.image.proxy_url else embed.thumbnail for embed in embeds]
    return [
        Sight(
            picture.proxy_url,
            "the picture of a link",
            "image/png",
            0,
            picture.width or 0,
            picture.height or 0,
            sent=False,
            place=place,
        )
        for picture in pictures
        if picture.proxy_url
    ]


def _shown_name(name: str) -> str:
    return discord.utils.escape_markdown(shorten(" ".join(name.split()), 60))
