"""What is written: posting, editing, deleting, reacting, typing."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import quote

from emoji import is_emoji

from sandbox.world import message_payloads, payloads
from sandbox.world.bus import Dispatch
from sandbox.world.directory import Directory
from sandbox.world.entities import (
    Attachment,
    Channel,
    Draft,
    Json,
    Message,
    MessageFlag,
    Origin,
    Snapshot,
    Upload,
    User,
)
from sandbox.world.errors import RestError, empty_message, invalid_form, too_long, unknown
from sandbox.world.mentions import find_mentions

BOT_LIMIT = 2000
HUMAN_LIMIT = 4000
"""What a person may write with Nitro, the longest a bot can be sent."""
MAX_FILES = 10
MAX_EMBEDS = 10
MAX_REACTIONS = 20
_CUSTOM_EMOJI = re.compile(r"\w{2,32}:\d{15,20}")


class Messages:
    """Every message of every channel. Checks form, not permission: that is the caller's.

    Args:
        directory: who and where.
        files_url: the address under which attachments can be fetched, without a final slash.
    """

    def __init__(self, directory: Directory, files_url: str = "") -> None:
        self._directory = directory
        self._by_channel: dict[int, dict[int, Message]] = {}
        self._proxied: dict[int, Upload] = {}
        self._lodged: dict[int, Upload] = {}
        self.files_url = files_url

    def get(self, channel_id: int, message_id: int) -> Message:
        """The message; an :class:`~sandbox.world.errors.RestError` 10008 where there is none."""
        message = self._by_channel.get(channel_id, {}).get(message_id)
        if message is None:
            raise unknown("Message")
        return message

    def history(
        self, channel_id: int, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Message]:
        """Messages everybody can see, newest first: the newest ``limit``, or those next before or after an id."""
        kept = [message for message in self._by_channel.get(channel_id, {}).values() if not message.is_ephemeral]
        if after is not None:
            return [message for message in kept if message.id > after][:limit][::-1]
        if before is not None:
            kept = [message for message in kept if message.id < before]
        return kept[-limit:][::-1] if limit else []

    def seen_by(self, user_id: int, channel_id: int) -> list[Message]:
        """What one person can read in a channel, oldest first; what the bot is still thinking of is left out."""
        return [
            message
            for message in self._by_channel.get(channel_id, {}).values()
            if message.visible_to in (None, user_id) and not message.is_loading
        ]

    def post(
        self,
        channel: Channel,
        author: User,
        draft: Draft,
        *,
        origin: Origin | None = None,
        visible_to: int | None = None,
    ) -> Message:
        """Put a message into a channel and announce it.

        Raises:
            RestError: too long (50035), empty (50006), or a reply to nothing (50035).
        """
        self._check(draft, BOT_LIMIT if author.bot else HUMAN_LIMIT)
        reference = self._by_channel.get(channel.id, {}).get(draft.reference_id or 0)
        if draft.reference_id and reference is None and draft.must_exist:
            raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        message = Message(
            self._directory.ids.next(),
            channel.id,
            channel.guild_id,
            author,
            draft.content,
            self._directory.now(),
            embeds=draft.embeds,
            components=draft.components,
            stickers=draft.stickers,
            # Without must_exist a reply to nothing becomes a plain message.
            reference_id=draft.reference_id if reference else None,
            reference=reference,
            allowed_mentions=draft.allowed_mentions,
            flags=draft.flags,
            nonce=draft.nonce,
            tts=draft.tts,
            origin=origin,
            visible_to=visible_to,
            snapshot=draft.snapshot,
            poll=draft.poll,
        )
        message.attachments = self._attach(channel.id, draft.uploads)
        self._mention(message)
        self._by_channel.setdefault(channel.id, {})[message.id] = message
        channel.last_message_id = message.id
        self._announce("MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, draft: Draft, *, keep_attachments: frozenset[int] | None = None) -> Message:
        """Replace a message's text, embeds and components, and add files.

        Args:
            message: the one to change.
            draft: how it shall be.
            keep_attachments: ids of files that stay; ``None`` keeps all.
        """
        self._check(draft, BOT_LIMIT if message.author.bot else HUMAN_LIMIT)
        message.content = draft.content
        message.embeds, message.components = draft.embeds, draft.components
        message.flags = draft.flags
        message.allowed_mentions = draft.allowed_mentions
        kept = [each for each in message.attachments if keep_attachments is None or each.id in keep_attachments]
        message.attachments = (*kept, *self._attach(message.channel_id, draft.uploads))
        message.edited_at = self._directory.now()
        self._mention(message)
        self._announce("MESSAGE_UPDATE", message)
        return message

    def delete(self, message: Message) -> None:
        """Take a message away; replies to it stay, and refer to nothing then."""
        del self._by_channel[message.channel_id][message.id]
        self._forget_reference(message.channel_id, {message.id})
        self._publish("MESSAGE_DELETE", message, {"id": str(message.id)})

    def delete_many(self, channel: Channel, message_ids: list[int]) -> None:
        """Take several away at once; ids of none are passed over."""
        kept = self._by_channel.get(channel.id, {})
        gone = [str(message_id) for message_id in message_ids if kept.pop(message_id, None)]
        self._forget_reference(channel.id, set(message_ids))
        data: Json = {"ids": gone, "channel_id": str(channel.id)}
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
        self._directory.bus.publish(Dispatch("MESSAGE_DELETE_BULK", data, channel.guild_id, channel.id))

    def react(self, message: Message, user: User, emoji: str) -> None:
        """Add a user's reaction; a second one of the same kind does nothing.

        Raises:
            RestError: no such emoji (10014), or more than twenty different ones (30010).
        """
        if not is_emoji(emoji) and not _CUSTOM_EMOJI.fullmatch(emoji):
            raise unknown("Emoji")
        if emoji not in message.reactions and len(message.reactions) >= MAX_REACTIONS:
            raise RestError(400, 30010, f"Maximum number of reactions reached ({MAX_REACTIONS})")
        users = message.reactions.setdefault(emoji, [])
        if user.id in users:
            return
        users.append(user.id)
        extra: Json = {"message_author_id": str(message.author.id)}
        member = self._directory.find_member(message.guild_id, user.id)
        if member is not None:
            extra["member"] = payloads.member(member)
        self._announce_reaction("MESSAGE_REACTION_ADD", message, user, emoji, extra)

    def unreact(self, message: Message, user: User, emoji: str) -> None:
        """Take a user's reaction away, if it is there."""
        users = message.reactions.get(emoji, [])
        if user.id not in users:
            return
        users.remove(user.id)
        if not users:
            del message.reactions[emoji]
        self._announce_reaction("MESSAGE_REACTION_REMOVE", message, user, emoji, {})

    def clear_reactions(self, message: Message) -> None:
        """Take all reactions away."""
        message.reactions.clear()
        self._publish("MESSAGE_REACTION_REMOVE_ALL", message, {"message_id": str(message.id)})

    def show_typing(self, channel: Channel, user: User) -> None:
        """Say that somebody is typing."""
        data: Json = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": int(self._directory.now())}
        member = self._directory.find_member(channel.guild_id, user.id)
        if member is not None:
            data |= {"guild_id": str(channel.guild_id), "member": payloads.member(member)}
        self._directory.bus.publish(Dispatch("TYPING_START", data, channel.guild_id, channel.id, _dm_readers(channel)))

    def payload(self, message: Message, *, reader: int | None = None) -> Json:
        """The message as JSON, as ``reader`` sees it."""
        author = None if message.origin else self._directory.find_member(message.guild_id, message.author.id)
        return message_payloads.message(message, author=author, reader=reader)

    def attachment(self, channel_id: int, attachment_id: int) -> Upload:
        """A file of that channel; an :class:`~sandbox.world.errors.RestError` 10008 where there is none."""
        for message in self._by_channel.get(channel_id, {}).values():
            for attachment in message.attachments:
                if attachment.id == attachment_id:
                    return attachment.upload
        if attachment_id in self._lodged:
            return self._lodged[attachment_id]
        raise unknown("Message")

    def lodge(self, channel: Channel, upload: Upload) -> Attachment:
        """A file that hangs on no message: an option of a slash command."""
        (attachment,) = self._attach(channel.id, (upload,))
        self._lodged[attachment.id] = upload
        return attachment

    def link_preview(self, url: str, picture: Upload) -> Json:
        """The embed of a link to a picture, which can be fetched from the media proxy from now on."""
        new = self._directory.ids.next()
        self._proxied[new] = picture
        proxy_url = f"{self.files_url}/external/{new}/{quote(picture.filename)}"
        return message_payloads.link_preview(url, picture, proxy_url)

    def proxied(self, picture_id: int) -> Upload:
        """A picture of the media proxy; an :class:`~sandbox.world.errors.RestError` 10008 where there is none."""
        if picture_id not in self._proxied:
            raise unknown("Message")
        return self._proxied[picture_id]

    def _check(self, draft: Draft, limit: int) -> None:
        if len(draft.content) > limit:
            raise too_long("content", limit)
        if len(draft.embeds) > MAX_EMBEDS:
            raise too_long("embeds", MAX_EMBEDS)
        if len(draft.uploads) > MAX_FILES:
            raise too_long("attachments", MAX_FILES)
        says = draft.content.strip() or draft.uploads or draft.embeds or draft.components or draft.stickers
        if not says and not draft.snapshot and not draft.poll and MessageFlag.LOADING not in draft.flags:
            raise empty_message()

    def _forget_reference(self, channel_id: int, gone: set[int]) -> None:
        for message in self._by_channel.get(channel_id, {}).values():
            if message.reference_id in gone:
                message.reference = None

    def _attach(self, channel_id: int, uploads: tuple[Upload, ...]) -> tuple[Attachment, ...]:
        ids = [self._directory.ids.next() for _ in uploads]
        return tuple(
            Attachment(new, upload, f"{self.files_url}/attachments/{channel_id}/{new}/{quote(upload.filename)}")
            for new, upload in zip(ids, uploads, strict=True)
        )

    def _mention(self, message: Message) -> None:
        found = find_mentions(message.content, message.allowed_mentions)
        users = [self._directory.users[user_id] for user_id in found.users if user_id in self._directory.users]
        if message.reference and found.replied_user and message.reference.author not in users:
            users.append(message.reference.author)
        message.mentions = tuple(users)
        message.mention_roles = found.roles if message.guild_id else ()
        message.mention_everyone = found.everyone and message.guild_id is not None

    def _announce(self, event: str, message: Message) -> None:
        # Only its one reader would be told of an ephemeral message, and a person has no gateway here.
        if not message.is_ephemeral:
            self._publish(event, message, self.payload(message))

    def _announce_reaction(self, event: str, message: Message, user: User, emoji: str, extra: Json) -> None:
        data: Json = {
            "user_id": str(user.id),
            "message_id": str(message.id),
            "emoji": message_payloads.emoji(emoji),
            "burst": False,
            "type": 0,
        }
        self._publish(event, message, data | extra)

    def _publish(self, event: str, message: Message, data: Json) -> None:
        data["channel_id"] = str(message.channel_id)
        if message.guild_id is not None:
            data["guild_id"] = str(message.guild_id)
        readers = _dm_readers(self._directory.channel(message.channel_id))
        self._directory.bus.publish(Dispatch(event, data, message.guild_id, message.channel_id, readers))


def snapshot_of(message: Message) -> Snapshot:
    """What is passed on of a message that is forwarded; of one that was forwarded itself, what it passed on."""
    if message.snapshot is not None:
        return message.snapshot
    return Snapshot(
        message.id,
        message.channel_id,
        message.guild_id,
        message.created_at,
        message.edited_at,
        message.content,
        message.attachments,
        message.embeds,
        message.stickers,
        message.mentions,
        message.mention_roles,
        message.flags,
    )


def _dm_readers(channel: Channel) -> frozenset[int] | None:
    return None if channel.guild_id else frozenset(who.id for who in channel.recipients)


def resend(message: Message) -> Draft:
    """The draft that would leave a message as it is, for edits of a part of it."""
    return dataclasses.replace(
        Draft(message.content, allowed_mentions=message.allowed_mentions, flags=message.flags),
        embeds=message.embeds,
        components=message.components,
    )
