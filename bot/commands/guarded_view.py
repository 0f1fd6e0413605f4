"""Buttons and menus whose use is checked by the guard each time, because rights may change after they were shown."""

from __future__ import annotations

from typing import Any, final

import discord

from bot.access import NotPermittedError
from bot.guard import Asking, Guard


class GuardedView(discord.ui.View):
    """The base class of all views of the bot.

    Args:
        command: the qualified name of the command that the buttons belong to.
        anybody: True if the right to use the command is not needed, for instance because the command's user asks
            another person something. A view that acts on the call still can't be used from another server.
        timeout: seconds.
    """

    def __init__(self, guard: Guard, command: str, *, anybody: bool = False, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self._guard = guard
        self._command = command
        self._anybody = anybody

    @final
    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Whether the person may use this button. If not, only they see the reason."""
        refusal = self.refuses(interaction.user) or await self._guard_refuses(interaction)
        if refusal is not None:
            await interaction.response.send_message(refusal, ephemeral=True)
        return refusal is None

    def refuses(self, person: discord.User | discord.Member) -> str | None:
        """The text for a person whom the buttons are not for; ``None`` if they are."""
        return None

    async def _guard_refuses(self, interaction: discord.Interaction[Any]) -> str | None:
        try:
            if self._anybody:
                self._guard.require_place(self._command, interaction.guild_id)
            else:
                asking = Asking(interaction.client, interaction.user, interaction.guild_id)
                await self._guard.require(self._command, asking)
        except NotPermittedError as error:
            return str(error)
        return None
