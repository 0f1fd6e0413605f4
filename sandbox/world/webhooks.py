"""Webhooks, which post under any name and picture."""

from __future__ import annotations

import secrets

from sandbox.world.bus import Dispatch
from sandbox.world.directory import Directory
from sandbox.world.entities import Channel, Draft, Message, Origin, User, Webhook
from sandbox.world.errors import RestError, invalid_form, unknown, wrong_channel_type
from sandbox.world.messages import Messages

MAX_PER_CHANNEL = 15
MAX_NAME = 80


class Webhooks:
    """All webhooks of all channels."""

    def __init__(self, directory: Directory, messages: Messages) -> None:
        self._directory = directory
        self._messages = messages
        self._by_id: dict[int, Webhook] = {}

    def create(self, channel: Channel, name: str, creator: User, *, avatar: str | None = None) -> Webhook:
        """Create a webhook for a guild's channel."""
        if channel.guild_id is None or channel.kind.is_thread:
            raise wrong_channel_type()
        if len(self.of_channel(channel.id)) >= MAX_PER_CHANNEL:
            raise RestError(400, 30007, f"Maximum number of webhooks reached ({MAX_PER_CHANNEL})")
        app = self._directory.application_of_bot(creator.id)
        webhook = Webhook(
            self._directory.ids.next(),
            channel.id,
            channel.guild_id,
            _checked(name),
            creator,
            app.id if app else None,
            token=secrets.token_urlsafe(32),
            avatar=avatar,
        )
        self._by_id[webhook.id] = webhook
        self._announce(webhook)
        return webhook

    def get(self, webhook_id: int) -> Webhook:
        """Get a webhook. Error 10015 if it does not exist."""
        webhook = self._by_id.get(webhook_id)
        if webhook is None or webhook.channel_id not in self._directory.channels:
            raise unknown("Webhook")
        return webhook

    def authorised(self, webhook_id: int, token: str) -> Webhook:
        """Get a webhook and check its token. Error 50027 if the token is wrong."""
        webhook = self.get(webhook_id)
        if not secrets.compare_digest(webhook.token, token):
            raise RestError(401, 50027, "Invalid Webhook Token")
        return webhook

    def of_channel(self, channel_id: int) -> list[Webhook]:
        """A channel's webhooks."""
        return [webhook for webhook in self._by_id.values() if webhook.channel_id == channel_id]

    def of_guild(self, guild_id: int) -> list[Webhook]:
        """A guild's webhooks."""
        return [webhook for webhook in self._by_id.values() if webhook.guild_id == guild_id]

    def rename(self, webhook: Webhook, name: str) -> None:
        """Rename a webhook."""
        webhook.name = _checked(name)
        self._announce(webhook)

    def delete(self, webhook: Webhook) -> None:
        """Delete a webhook. Its messages stay."""
        del self._by_id[webhook.id]
        self._announce(webhook)

    def execute(
        self, webhook: Webhook, draft: Draft, *, name: str | None, avatar: str | None, thread_id: int | None = None
    ) -> Message:
        """Post as the webhook, under another name or avatar if these are given."""
        channel = self._directory.channel(thread_id or webhook.channel_id)
        if channel.id != webhook.channel_id and channel.parent_id != webhook.channel_id:
            raise unknown("Channel")
        author = User(webhook.id, _checked(name or webhook.name), bot=True, avatar=avatar or webhook.avatar)
        return self._messages.post(channel, author, draft, origin=Origin(webhook.id, webhook.application_id))

    def message(self, webhook: Webhook, message_id: int, thread_id: int | None = None) -> Message:
        """Get a message that this webhook posted. Error 10008 for other messages."""
        message = self._messages.get(thread_id or webhook.channel_id, message_id)
        if message.origin is None or message.origin.webhook_id != webhook.id:
            raise unknown("Message")
        return message

    def _announce(self, webhook: Webhook) -> None:
        data = {"guild_id": str(webhook.guild_id), "channel_id": str(webhook.channel_id)}
        self._directory.bus.publish(Dispatch("WEBHOOKS_UPDATE", data, webhook.guild_id))


def _checked(name: str) -> str:
    if not 1 <= len(name) <= MAX_NAME or "clyde" in name.lower() or "discord" in name.lower():
        raise invalid_form("username", "USERNAME_INVALID", "That name is empty, too long or reserved.")
    return name
