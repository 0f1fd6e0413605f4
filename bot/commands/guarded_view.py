"""Buttons and menus that check a person's rights at every click, because the rights may change in between."""

from __future__ import annotations

from typing import Any, final

import discord

from bot.access import NotPermittedError
from bot.guard import Guard, PermitRequest


class GuardedView(discord.ui.View):
    """The base class of all views of the bot.

    Args:
        command: the qualified name of the command that the buttons belong to.
        anybody: whether the buttons are also for people who may not use the command, for example for a person to whom
            the bot puts a question. If the command acts on the call, the buttons work only on the call's server.
        timeout: seconds without a click after which the buttons stop working; ``None`` for no limit.
    """

    def __init__(self, guard: Guard, command: str, *, anybody: bool = False, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self._guard = guard
        self._command = command
        self._anybody = anybody

    @final
    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Whether the person may use this button. If not, the reason is shown to this person alone."""
        refusal = self.refusal_for(interaction.user) or await self._guard_refusal(interaction)
        if refusal is not None:
            await interaction.response.send_message(refusal, ephemeral=True)
        return refusal is None

    def refusal_for(self, person: discord.User | discord.Member) -> str | None:
        """An error text if the buttons are not meant for this person, else ``None``."""
        return None

    async def _guard_refusal(self, interaction: discord.Interaction[Any]) -> str | None:
        try:
            if self._anybody:
                self._guard.require_place(self._command, interaction.guild_id)
            else:
                request = PermitRequest(interaction.client, interaction.user, interaction.guild_id)
                await self._guard.require(self._command, request)
        except NotPermittedError as error:
            return str(error)
        return None
