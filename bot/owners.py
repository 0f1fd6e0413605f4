"""Who may use the commands that change the whole process, on every server at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

import discord

_log = logging.getLogger(__name__)

ASK_AGAIN = 600.0
"""Seconds after which Discord is asked again who owns the application."""
_IN_CHARGE = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)


class Owners:
    """The people whom the operator has named, else the application's owner or the team that owns it.

    Args:
        named: user ids; empty: ask Discord.
    """

    def __init__(self, named: Collection[int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._named = frozenset(named)
        self._clock = clock
        self._found: frozenset[int] = frozenset()
        self._asked_at: float | None = None

    async def include(self, client: discord.Client, person: int) -> bool:
        """Whether this person (user id) is one of them; while Discord can't be asked, who was one the last time."""
        if self._named:
            return person in self._named
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= ASK_AGAIN:
            try:
                self._found = owners_of(await client.application_info())
                self._asked_at = now
            except discord.HTTPException as error:
                _log.warning("Discord did not say who owns the bot: %s", error)
        return person in self._found


def owners_of(application: discord.AppInfo) -> frozenset[int]:
    """Its owner, or of a team those who have accepted the invitation and may do more than look."""
    team = application.team
    if team is None:
        return frozenset({application.owner.id})
    accepted = [each for each in team.members if each.membership_state is discord.TeamMembershipState.accepted]
    return frozenset(each.id for each in accepted if each.role in _IN_CHARGE or each.id == team.owner_id)
