"""The JSON of messages, attachments, embeds and reactions. Pure functions."""

from __future__ import annotations

import re

from sandbox.world.entities import Attachment, Json, Member, Message, Snapshot, Upload
from sandbox.world.payloads import bare_member, timestamp, user

_CUSTOM_EMOJI = re.compile(r"(\w{2,32}):(\d{15,20})")
# Discord's message types.
MESSAGE_DEFAULT, MESSAGE_REPLY, MESSAGE_COMMAND = 0, 19, 20
# Discord's types of message references.
REFERENCE_REPLY, REFERENCE_FORWARD = 0, 1


def attachment(entity: Attachment) -> Json:
    """The JSON of an attachment."""
    payload: Json = {
        "id": str(entity.id),
        "filename": entity.upload.filename,
        "size": len(entity.upload.data),
        "url": entity.url,
        "proxy_url": entity.url,
    }
    if entity.upload.content_type:
        payload["content_type"] = entity.upload.content_type
    if entity.upload.width and entity.upload.height:
        payload |= {"width": entity.upload.width, "height": entity.upload.height}
    if entity.upload.seconds is not None:
        payload |= {"duration_secs": entity.upload.seconds, "waveform": entity.upload.waveform or ""}
    if entity.upload.description:
        payload["description"] = entity.upload.description
    return payload


def link_preview(url: str, picture: Upload, proxy_url: str) -> Json:
    """The embed of a link to a picture. ``proxy_url`` is the address of the media proxy's copy."""
    copy: Json = {"url": url, "proxy_url": proxy_url, "width": picture.width or 0, "height": picture.height or 0}
    return {"type": "image", "url": url, "thumbnail": copy}


def emoji(key: str) -> Json:
    """The JSON of an emoji. ``key`` is its form in a REST path: a Unicode emoji, or ``name:id`` of a custom emoji."""
    custom = _CUSTOM_EMOJI.fullmatch(key)
    return {"id": custom[2], "name": custom[1]} if custom else {"id": None, "name": key}


def message(entity: Message, *, author: Member | None = None, reader: int | None = None) -> Json:
    """The JSON of a message.

    Args:
        entity: the message.
        author: the author as a member of the guild, if they are one.
        reader: the reader's user id; their own reactions are marked.
    """
    replies = entity.reference_id is not None
    kind = (
        MESSAGE_REPLY
        if replies
        else MESSAGE_COMMAND
        if entity.origin and entity.origin.interaction
        else MESSAGE_DEFAULT
    )
    payload: Json = {
        "id": str(entity.id),
        "channel_id": str(entity.channel_id),
        "type": kind,
        "author": user(entity.author),
        "content": entity.content,
        "timestamp": timestamp(entity.created_at),
        "edited_timestamp": timestamp(entity.edited_at),
        "tts": entity.tts,
        "mention_everyone": entity.mention_everyone,
        "mentions": [user(who) for who in entity.mentions],
        "mention_roles": [str(role_id) for role_id in entity.mention_roles],
        "attachments": [attachment(each) for each in entity.attachments],
        "embeds": list(entity.embeds),
        "components": list(entity.components),
        "sticker_items": _stickers(entity.stickers),
        "pinned": False,
        "flags": int(entity.flags),
        "reactions": [_reaction(key, users, reader) for key, users in entity.reactions.items()],
    }
    if entity.guild_id is not None:
        payload["guild_id"] = str(entity.guild_id)
    if author is not None:
        payload["member"] = bare_member(author)
    if entity.nonce is not None:
        payload["nonce"] = entity.nonce
    if replies:
        payload["message_reference"] = _reference(
            REFERENCE_REPLY, entity.reference_id or 0, entity.channel_id, entity.guild_id
        )
        payload["referenced_message"] = None if entity.reference is None else _referenced(entity.reference)
    if entity.snapshot is not None:
        source = entity.snapshot
        payload["message_reference"] = _reference(
            REFERENCE_FORWARD, source.message_id, source.channel_id, source.guild_id
        )
        payload["message_snapshots"] = [{"message": _snapshot(source)}]
    if entity.poll is not None:
        payload["poll"] = entity.poll
    return payload | _origin_fields(entity)


def _reference(kind: int, message_id: int, channel_id: int, guild_id: int | None) -> Json:
    reference: Json = {"type": kind, "message_id": str(message_id), "channel_id": str(channel_id)}
    return reference if guild_id is None else reference | {"guild_id": str(guild_id)}


def _snapshot(entity: Snapshot) -> Json:
    """The JSON of a forwarded message, without its id and author."""
    return {
        "type": MESSAGE_DEFAULT,
        "content": entity.content,
        "timestamp": timestamp(entity.created_at),
        "edited_timestamp": timestamp(entity.edited_at),
        "flags": int(entity.flags),
        "mentions": [user(who) for who in entity.mentions],
        "mention_roles": [str(role_id) for role_id in entity.mention_roles],
        "attachments": [attachment(each) for each in entity.attachments],
        "embeds": list(entity.embeds),
        "sticker_items": _stickers(entity.stickers),
        "components": [],
    }


def _stickers(names: tuple[str, ...]) -> list[Json]:
    return [{"id": str(number), "name": name, "format_type": 1} for number, name in enumerate(names, 1)]


def _referenced(entity: Message) -> Json:
    payload = message(entity)
    payload.pop("referenced_message", None)
    return payload


def _origin_fields(entity: Message) -> Json:
    if entity.origin is None:
        return {}
    payload: Json = {"webhook_id": str(entity.origin.webhook_id)}
    if entity.origin.application_id is not None:
        payload["application_id"] = str(entity.origin.application_id)
    if entity.origin.interaction is not None:
        payload["interaction_metadata"] = entity.origin.interaction
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
