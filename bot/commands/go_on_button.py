"""The button with which people bring the bot back into a call that was interrupted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.ext import commands

from bot.commands.entrance import require_entrance
from bot.commands.guarded_view import GuardedView
from bot.guard import Guard
from bot.user_error import UserError
from bot.voice.discord.link import VoiceChannel

GO_ON_ID, GO_ON_LABEL = "call:go-on", "Go on"
TOO_LATE = "⌛ That was too long ago. `{prefix}join` brings me into your channel."
NOT_SEEN = "❌ I don't see that voice channel any more."

Offered = Callable[[int], Awaitable[VoiceChannel | None]]
"""Returns the voice channel of a server's interrupted call; ``None`` if there is no call to go on with any more."""
GoOn = Callable[[int], Awaitable[None]]
"""Goes on with the call on a server. Raises :class:`~bot.user_error.UserError`."""


class GoOnButton(GuardedView):
    """The button. Whoever may use ``join`` may press it, also after further restarts.

    Register it with :meth:`discord.Client.add_view`.
    """

    def __init__(self, guard: Guard, offered: Offered, go_on: GoOn, prefix: str) -> None:
        super().__init__(guard, "join", timeout=None)
        self._offered = offered
        self._go_on = go_on
        self._prefix = prefix
        self.add_item(_Button(label=GO_ON_LABEL, custom_id=GO_ON_ID, style=discord.ButtonStyle.success))

    async def press(self, interaction: discord.Interaction[Any]) -> None:
        """Go on with the call. If that is not possible, tell the person why."""
        guild = interaction.guild_id
        if guild is None:
            return
        await interaction.response.defer()
        try:
            voice = await self._offered(guild)
            if voice is None:
                raise UserError(TOO_LATE.format(prefix=self._prefix))
            require_entrance(interaction.user, voice)
            await self._go_on(guild)
        except UserError as error:
            await interaction.followup.send(str(error), ephemeral=True)
        except commands.ChannelNotFound:
            await interaction.followup.send(NOT_SEEN, ephemeral=True)
        else:
            await interaction.edit_original_response(view=None)


class _Button(discord.ui.Button[GoOnButton]):
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the press on."""
        if self.view is not None:
            await self.view.press(interaction)
