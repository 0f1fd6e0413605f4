"""Messages: posting, editing, deleting, reacting, typing."""

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
from sandbox.world.voice_messages import check_voice_message

BOT_MAX_CHARACTERS = 2000
"""Maximum number of characters in a bot's message."""
HUMAN_MAX_CHARACTERS = 4000
"""Maximum number of characters in a person's message. (On Discord, only people with Nitro can write that much.)"""
MAX_FILES = 10
MAX_EMBEDS = 10
MAX_REACTIONS = 20
_CUSTOM_EMOJI = re.compile(r"\w{2,32}:\d{15,20}")


class Messages:
    """All messages of all channels. This class checks the format of messages; callers check permissions.

    Args:
        directory: users and channels.
        files_url: the base address of attachments, without a final slash.
    """

    def __init__(self, directory: Directory, files_url: str = "") -> None:
        self._directory = directory
        self._by_channel: dict[int, dict[int, Message]] = {}
        self._proxied: dict[int, Upload] = {}
        self._stored: dict[int, Upload] = {}
        self.files_url = files_url

    def get(self, channel_id: int, message_id: int) -> Message:
        """Get a message. Error 10008 if it does not exist."""
        message = self._by_channel.get(channel_id, {}).get(message_id)
        if message is None:
            raise unknown("Message")
        return message

    def history(
        self, channel_id: int, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Message]:
        """At most ``limit`` messages that everybody can see, newest first.

        These are the last ones, or those just before the id ``before``, or those just after the id ``after``.
        """
        kept = [message for message in self._by_channel.get(channel_id, {}).values() if not message.is_ephemeral]
        if after is not None:
            return [message for message in kept if message.id > after][:limit][::-1]
        if before is not None:
            kept = [message for message in kept if message.id < before]
        return kept[-limit:][::-1] if limit else []

    def seen_by(self, user_id: int, channel_id: int) -> list[Message]:
        """The messages of a channel that one person can read, oldest first, without "… is thinking"."""
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
        """Post a message to a channel.

        Raises:
            RestError: the message is too long (50035) or empty (50006), or replies to a message that does not exist
                (50035).
        """
        self._check(draft, BOT_MAX_CHARACTERS if author.bot else HUMAN_MAX_CHARACTERS)
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
            # Without must_exist, a reply to a message that does not exist becomes a plain message.
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
            message: the message to edit.
            draft: the new content.
            keep_attachments: the ids of the files to keep; ``None`` keeps all.
        """
        if MessageFlag.VOICE_MESSAGE in message.flags:
            raise RestError(400, 50162, "Voice messages cannot be edited")
        self._check(draft, BOT_MAX_CHARACTERS if message.author.bot else HUMAN_MAX_CHARACTERS)
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
        """Delete a message. Replies to it stay and lose their reference."""
        del self._by_channel[message.channel_id][message.id]
        self._forget_reference(message.channel_id, {message.id})
        self._publish("MESSAGE_DELETE", message, {"id": str(message.id)})

    def delete_many(self, channel: Channel, message_ids: list[int]) -> None:
        """Delete several messages. Unknown ids are ignored."""
        kept = self._by_channel.get(channel.id, {})
        gone = [str(message_id) for message_id in message_ids if kept.pop(message_id, None)]
        self._forget_reference(channel.id, set(message_ids))
        data: Json = {"ids": gone, "channel_id": str(channel.id)}
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
        self._directory.bus.publish(Dispatch("MESSAGE_DELETE_BULK", data, channel.guild_id, channel.id))

    def react(self, message: Message, user: User, emoji: str) -> None:
        """Add a user's reaction. A second reaction with the same emoji has no effect.

        Raises:
            RestError: the emoji is unknown (10014), or the message has twenty different reactions already (30010).
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
        """Remove a user's reaction, if there is one."""
        users = message.reactions.get(emoji, [])
        if user.id not in users:
            return
        users.remove(user.id)
        if not users:
            del message.reactions[emoji]
        self._announce_reaction("MESSAGE_REACTION_REMOVE", message, user, emoji, {})

    def clear_reactions(self, message: Message) -> None:
        """Remove all reactions."""
        message.reactions.clear()
        self._publish("MESSAGE_REACTION_REMOVE_ALL", message, {"message_id": str(message.id)})

    def show_typing(self, channel: Channel, user: User) -> None:
        """Announce that a user is typing."""
        data: Json = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": int(self._directory.now())}
        member = self._directory.find_member(channel.guild_id, user.id)
        if member is not None:
            data |= {"guild_id": str(channel.guild_id), "member": payloads.member(member)}
        self._directory.bus.publish(Dispatch("TYPING_START", data, channel.guild_id, channel.id, _dm_readers(channel)))

    def payload(self, message: Message, *, reader: int | None = None) -> Json:
        """The JSON of a message for ``reader``."""
        author = None if message.origin else self._directory.find_member(message.guild_id, message.author.id)
        return message_payloads.message(message, author=author, reader=reader)

    def attachment(self, channel_id: int, attachment_id: int) -> Upload:
        """Get an attachment of a channel. Error 10008 if it does not exist."""
        for message in self._by_channel.get(channel_id, {}).values():
            for attachment in message.attachments:
                if attachment.id == attachment_id:
                    return attachment.upload
        if attachment_id in self._stored:
            return self._stored[attachment_id]
        raise unknown("Message")

    def store_upload(self, channel: Channel, upload: Upload) -> Attachment:
        """Keep an uploaded file that belongs to an option of a slash command, not to a message."""
        (attachment,) = self._attach(channel.id, (upload,))
        self._stored[attachment.id] = upload
        return attachment

    def link_preview(self, url: str, picture: Upload) -> Json:
        """Make the embed of a link to a picture. The media proxy serves the picture from now on."""
        new = self._directory.ids.next()
        self._proxied[new] = picture
        proxy_url = f"{self.files_url}/external/{new}/{quote(picture.filename)}"
        return message_payloads.link_preview(url, picture, proxy_url)

    def proxied(self, picture_id: int) -> Upload:
        """Get a picture of the media proxy. Error 10008 if it does not exist."""
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
        if MessageFlag.VOICE_MESSAGE in draft.flags:
            check_voice_message(draft)

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
        # Discord sends the event of an ephemeral message only to its reader. Here, the reader is a guest, and guests
        # have no gateway connection.
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
    """The snapshot for forwarding a message. If the message was itself forwarded, its snapshot is passed on."""
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


def draft_of(message: Message) -> Draft:
    """The draft of a message as it is now. An edit starts from this draft."""
    return dataclasses.replace(
        Draft(message.content, allowed_mentions=message.allowed_mentions, flags=message.flags),
        embeds=message.embeds,
        components=message.components,
    )
