"""Buttons and menus that the guard is asked about, each time that one is used: their message may be old by then."""

from __future__ import annotations

from typing import Any, final

import discord

from bot.access import NotPermittedError
from bot.guard import Asking, Guard


class GuardedView(discord.ui.View):
    """What every view of the bot's derives from.

    Args:
        command: the qualified name of the command that the buttons belong to.
        anybody: whoever is shown them may use them, without the command's own right, though not from another server
            than the call's: somebody who was asked something by the person who used the command.
        timeout: seconds.
    """

    def __init__(self, guard: Guard, command: str, *, anybody: bool = False, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self._guard = guard
        self._command = command
        self._anybody = anybody

    @final
    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Whether this use of a button is taken; whoever may not use it is told why, and nobody else."""
        refusal = self.refuses(interaction.user) or await self._guard_refuses(interaction)
        if refusal is not None:
            await interaction.response.send_message(refusal, ephemeral=True)
        return refusal is None

    def refuses(self, person: discord.User | discord.Member) -> str | None:
        """What to tell somebody whom these buttons are not for; ``None`` for the others."""
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
