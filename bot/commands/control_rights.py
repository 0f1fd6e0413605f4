"""Decides who may change the bot's settings by voice: the people who may use the same command in writing."""

from __future__ import annotations

import discord

from bot.guard import Guard, PermitRequest
from bot.tools.tool import Asker


class ControlRights:
    """Says whether a person on Discord may use a typed command (:data:`~bot.controls.tools.Rights`).

    Args:
        page: the id that stands for the page and for programs. Whoever uses them counts as the operator.
    """

    def __init__(self, client: discord.Client, guard: Guard, page: int) -> None:
        self._client = client
        self._guard = guard
        self._page = page

    def __call__(self, asker: Asker, command: str) -> bool:
        """Whether the person may use a typed command where they ask. No refusal is sent."""
        if asker.server == self._page:
            return True
        guild = self._client.get_guild(asker.server)
        member = guild.get_member(asker.person) if guild is not None and asker.person is not None else None
        return member is not None and self._guard.permits(command, PermitRequest(self._client, member, asker.server))
