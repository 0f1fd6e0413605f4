"""Two who share a bot, posting under names and pictures of their own through a webhook of the channel."""

from __future__ import annotations

import discord

WEBHOOK_NAME = "dual persona"
_DEFAULT_PICTURES = tuple(f"{discord.Asset.BASE}/embed/avatars/{number}.png" for number in (4, 3))


class ChannelWebhooks:
    """One webhook a channel: found or made at its first use, and used again. Methods raise what discord.py raises."""

    def __init__(self) -> None:
        self._by_channel: dict[int, discord.Webhook] = {}

    async def say(self, channel: discord.TextChannel, name: str, picture: str, text: str) -> None:
        """Post under this name, with the picture at this address."""
        try:
            await self._post(channel, name, picture, text)
        except discord.NotFound:
            # Somebody has deleted the webhook that we knew.
            if self._by_channel.pop(channel.id, None) is None:
                raise
            await self._post(channel, name, picture, text)

    async def _post(self, channel: discord.TextChannel, name: str, picture: str, text: str) -> None:
        if channel.id not in self._by_channel:
            self._by_channel[channel.id] = await _own_webhook(channel)
        await self._by_channel[channel.id].send(
            text, username=name, avatar_url=picture, allowed_mentions=discord.AllowedMentions.none()
        )


async def _own_webhook(channel: discord.TextChannel) -> discord.Webhook:
    for webhook in await channel.webhooks():
        ours = webhook.user is not None and webhook.user.id == channel.guild.me.id
        if ours and webhook.name == WEBHOOK_NAME and webhook.token:
            return webhook
    return await channel.create_webhook(name=WEBHOOK_NAME, reason="persona and twin talk to each other here")


def pictures(bot: discord.ClientUser) -> tuple[str, str]:
    """The addresses of two different pictures: the bot's own for the persona, one of Discord's for the twin."""
    own = bot.display_avatar.url
    return own, next(picture for picture in _DEFAULT_PICTURES if not own.startswith(picture))
