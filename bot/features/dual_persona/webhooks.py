"""Posts messages through a channel's webhook, so that each persona has its own name and avatar."""

from __future__ import annotations

import discord

WEBHOOK_NAME = "dual persona"
_DEFAULT_AVATARS = tuple(f"{discord.Asset.BASE}/embed/avatars/{number}.png" for number in (4, 3))


class ChannelWebhooks:
    """One webhook per channel, found or created at first use. Methods raise discord.py's errors."""

    def __init__(self) -> None:
        self._by_channel: dict[int, discord.Webhook] = {}

    async def post(self, channel: discord.TextChannel, name: str, avatar_url: str, text: str) -> None:
        """Post a text under ``name``, with the avatar at ``avatar_url``."""
        try:
            await self._post(channel, name, avatar_url, text)
        except discord.NotFound:
            # Somebody has deleted the known webhook. Another one is found or created.
            if self._by_channel.pop(channel.id, None) is None:
                raise
            await self._post(channel, name, avatar_url, text)

    async def _post(self, channel: discord.TextChannel, name: str, avatar_url: str, text: str) -> None:
        if channel.id not in self._by_channel:
            self._by_channel[channel.id] = await _own_webhook(channel)
        await self._by_channel[channel.id].send(
            text, username=name, avatar_url=avatar_url, allowed_mentions=discord.AllowedMentions.none()
        )


async def _own_webhook(channel: discord.TextChannel) -> discord.Webhook:
    for webhook in await channel.webhooks():
        ours = webhook.user is not None and webhook.user.id == channel.guild.me.id
        if ours and webhook.name == WEBHOOK_NAME and webhook.token:
            return webhook
    return await channel.create_webhook(name=WEBHOOK_NAME, reason="persona and twin talk to each other here")


def avatar_urls(bot: discord.ClientUser) -> tuple[str, str]:
    """The addresses of two different avatars: the bot's own for the persona, one of Discord's for the twin."""
    own = bot.display_avatar.url
    return own, next(avatar_url for avatar_url in _DEFAULT_AVATARS if not own.startswith(avatar_url))
