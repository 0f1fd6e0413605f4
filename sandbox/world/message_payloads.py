"""The JSON of messages, attachments, embeds and reactions. Pure functions."""

from __future__ import annotations

import re

from sandbox.world.entities import Attachment, Json, Member, Message, Snapshot, Upload
from sandbox.world.payloads import bare_member, timestamp, user

_CUSTOM_EMOJI = re.compile(r"(\w{2,32}):(\d{15,20})")
MESSAGE_DEFAULT, MESSAGE_REPLY, MESSAGE_COMMAND = 0, 19, 20
REFERENCE_REPLY, REFERENCE_FORWARD = 0, 1


def attachment(it: Attachment) -> Json:
    """The JSON of an attachment."""
    payload: Json = {
        "id": str(it.id),
        "filename": it.upload.filename,
        "size": len(it.upload.data),
        "url": it.url,
        "proxy_url": it.url,
    }
    if it.upload.content_type:
        payload["content_type"] = it.upload.content_type
    if it.upload.width and it.upload.height:
        payload |= {"width": it.upload.width, "height": it.upload.height}
    if it.upload.seconds is not None:
        payload |= {"duration_secs": it.upload.seconds, "waveform": it.upload.waveform or ""}
    if it.upload.description:
        payload["description"] = it.upload.description
    return payload


def link_preview(url: str, picture: Upload, proxy_url: str) -> Json:
    """The embed of a link to a picture. ``proxy_url`` is the address of the media proxy's copy."""
    copy: Json = {"url": url, "proxy_url": proxy_url, "width": picture.width or 0, "height": picture.height or 0}
    return {"type": "image", "url": url, "thumbnail": copy}


def emoji(key: str) -> Json:
    """The JSON of an emoji from its form in a path: the emoji itself, or ``name:id``."""
    custom = _CUSTOM_EMOJI.fullmatch(key)
    return {"id": custom[2], "name": custom[1]} if custom else {"id": None, "name": key}


def message(it: Message, *, author: Member | None = None, reader: int | None = None) -> Json:
    """The JSON of a message.

    Args:
        it: the message.
        author: the author as a member of the guild, if they are one.
        reader: the reader's user id; their own reactions are marked.
    """
    replies = it.reference_id is not None
    kind = MESSAGE_REPLY if replies else MESSAGE_COMMAND if it.origin and it.origin.interaction else MESSAGE_DEFAULT
    payload: Json = {
        "id": str(it.id),
        "channel_id": str(it.channel_id),
        "type": kind,
        "author": user(it.author),
        "content": it.content,
        "timestamp": timestamp(it.created_at),
        "edited_timestamp": timestamp(it.edited_at),
        "tts": it.tts,
        "mention_everyone": it.mention_everyone,
        "mentions": [user(who) for who in it.mentions],
        "mention_roles": [str(role_id) for role_id in it.mention_roles],
        "attachments": [attachment(each) for each in it.attachments],
        "embeds": list(it.embeds),
        "components": list(it.components),
        "sticker_items": _stickers(it.stickers),
        "pinned": False,
        "flags": int(it.flags),
        "reactions": [_reaction(key, users, reader) for key, users in it.reactions.items()],
    }
    if it.guild_id is not None:
        payload["guild_id"] = str(it.guild_id)
    if author is not None:
        payload["member"] = bare_member(author)
    if it.nonce is not None:
        payload["nonce"] = it.nonce
    if replies:
        payload["message_reference"] = _reference(REFERENCE_REPLY, it.reference_id or 0, it.channel_id, it.guild_id)
        payload["referenced_message"] = None if it.reference is None else _referenced(it.reference)
    if it.snapshot is not None:
        source = it.snapshot
        payload["message_reference"] = _reference(
            REFERENCE_FORWARD, source.message_id, source.channel_id, source.guild_id
        )
        payload["message_snapshots"] = [{"message": _snapshot(source)}]
    if it.poll is not None:
        payload["poll"] = it.poll
    return payload | _origin_fields(it)


def _reference(kind: int, message_id: int, channel_id: int, guild_id: int | None) -> Json:
    reference: Json = {"type": kind, "message_id": str(message_id), "channel_id": str(channel_id)}
    return reference if guild_id is None else reference | {"guild_id": str(guild_id)}


def _snapshot(it: Snapshot) -> Json:
    """The JSON of a forwarded message, without its id and author."""
    return {
        "type": MESSAGE_DEFAULT,
        "content": it.content,
        "timestamp": timestamp(it.created_at),
        "edited_timestamp": timestamp(it.edited_at),
        "flags": int(it.flags),
        "mentions": [user(who) for who in it.mentions],
        "mention_roles": [str(role_id) for role_id in it.mention_roles],
        "attachments": [attachment(each) for each in it.attachments],
        "embeds": list(it.embeds),
        "sticker_items": _stickers(it.stickers),
        "components": [],
    }


def _stickers(names: tuple[str, ...]) -> list[Json]:
    return [{"id": str(number), "name": name, "format_type": 1} for number, name in enumerate(names, 1)]


def _referenced(it: Message) -> Json:
    payload = message(it)
    payload.pop("referenced_message", None)
    return payload


def _origin_fields(it: Message) -> Json:
    if it.origin is None:
        return {}
    payload: Json = {"webhook_id": str(it.origin.webhook_id)}
    if it.origin.application_id is not None:
        payload["application_id"] = str(it.origin.application_id)
    if it.origin.interaction is not None:
        payload["interaction_metadata"] = it.origin.interaction
    return payload


def _reaction(key: str, users: list[int], reader: int | None) -> Json:
    return {
        "emoji": emoji(key),
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "me": reader in users,
        "me_burst": False,
        "burst_colors": [],
    }
