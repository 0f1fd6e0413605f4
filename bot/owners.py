"""Owners: the people who may use commands that affect all servers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail

_log = logging.getLogger(__name__)

ASK_AGAIN = 600.0
"""Seconds after which Discord is asked again for the application's owners."""
_IN_CHARGE = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)


class Owners:
    """The people whom the operator has named. If there are none, the application's owner or its team on Discord.

    Args:
        named: user ids; if empty, Discord is asked.
    """

    def __init__(self, named: Collection[int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._named = frozenset(named)
        self._clock = clock
        self._found: frozenset[int] = frozenset()
        self._asked_at: float | None = None

    async def include(self, client: discord.Client, person: int) -> bool:
        """Whether a person (user id) is an owner. If Discord can't be asked, the last answer is used."""
        if self._named:
            return person in self._named
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= ASK_AGAIN:
            try:
                self._found = owners_of(await client.application_info())
                self._asked_at = now
            except DISCORD_ERRORS as error:
                _log.warning("Discord did not say who owns the bot: %s", discord_error_detail(error))
        return person in self._found


def owners_of(application: discord.AppInfo) -> frozenset[int]:
    """The application's owner; for a team, its owner and its members with the role admin or developer."""
    team = application.team
    if team is None:
        return frozenset({application.owner.id})
    accepted = [each for each in team.members if each.membership_state is discord.TeamMembershipState.accepted]
    return frozenset(each.id for each in accepted if each.role in _IN_CHARGE or each.id == team.owner_id)
