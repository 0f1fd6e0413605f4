"""Tests of who owns the bot: people whom the operator lists, or otherwise whom Discord names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import discord
import pytest

from bot.owners import ASK_AGAIN, Owners, owners_of

ADMIN, DEVELOPER, READ_ONLY = (
    discord.TeamMemberRole.admin,
    discord.TeamMemberRole.developer,
    discord.TeamMemberRole.read_only,
)
INVITED, ACCEPTED = discord.TeamMembershipState.invited, discord.TeamMembershipState.accepted


def application(owner: int, team: Any = None) -> Any:
    return SimpleNamespace(owner=SimpleNamespace(id=owner), team=team)


def test_team_members_own_the_bot_if_they_accepted_and_may_do_more_than_read() -> None:
    people = [
        SimpleNamespace(id=1, role=READ_ONLY, membership_state=ACCEPTED),
        SimpleNamespace(id=2, role=ADMIN, membership_state=ACCEPTED),
        SimpleNamespace(id=3, role=DEVELOPER, membership_state=ACCEPTED),
        SimpleNamespace(id=4, role=READ_ONLY, membership_state=ACCEPTED),
        SimpleNamespace(id=5, role=ADMIN, membership_state=INVITED),
    ]
    assert owners_of(application(9, SimpleNamespace(owner_id=1, members=people))) == {1, 2, 3}
    assert owners_of(application(9)) == {9}


class Discord:
    """A client that answers who owns the bot, and counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.owner = 1
        self.down = False

    async def application_info(self) -> Any:
        self.asked += 1
        if self.down:
            raise discord.DiscordServerError(Mock(status=503, reason="down"), "down")
        return application(self.owner)


async def test_discord_is_asked_again_after_a_while_and_its_failures_change_nothing() -> None:
    now, answering = 0.0, Discord()
    owners = Owners((), clock=lambda: now)
    client: Any = answering
    answering.down = True
    assert not await owners.include(client, 1)
    answering.down = False
    assert await owners.include(client, 1)
    assert not await owners.include(client, 2)
    assert answering.asked == 2
    now, answering.down = ASK_AGAIN, True
    assert await owners.include(client, 1), "the last known owner still counts"
    answering.down, answering.owner = False, 2
    assert await owners.include(client, 2)
    assert not await owners.include(client, 1)


@pytest.mark.parametrize(("person", "is_owner"), [(7, True), (8, True), (1, False)])
async def test_the_list_of_the_operator_wins_and_discord_is_not_asked(person: int, is_owner: bool) -> None:
    answering = Discord()
    client: Any = answering
    assert await Owners((7, 8)).include(client, person) is is_owner
    assert answering.asked == 0
