"""Who may use the tools of MCP servers on Discord."""

from __future__ import annotations

from unittest.mock import MagicMock

import discord
import pytest

from bot.commands.tool_questions import MAX_WRITERS, ToolPermits
from bot.tools.tool import Asker

PAGE, GUILD, ADA = 0, 1, 7


def member(person: int = ADA, *, manages: bool = False, roles: tuple[str, ...] = ()) -> discord.Member:
    made = MagicMock(spec=discord.Member)
    made.id = person
    made.guild.id = GUILD
    made.guild_permissions = discord.Permissions(manage_guild=manages)
    made.roles = [MagicMock(id=100 + number) for number, _ in enumerate(roles)]
    for role, name in zip(made.roles, roles, strict=True):
        role.name = name
    return made


def permits_of(known: discord.Member | None) -> ToolPermits:
    client = MagicMock(spec=discord.Client)
    guild = MagicMock(spec=discord.Guild)
    guild.id = GUILD
    guild.get_member.return_value = known
    client.get_guild.side_effect = lambda server: guild if server == GUILD else None
    return ToolPermits(client, PAGE)


def ada(server: int = GUILD, person: int | None = ADA) -> Asker:
    return Asker(person, "Ada", "hello", server, 11)


@pytest.mark.parametrize(
    ("known", "allowed"),
    [
        (member(), {"everyone"}),
        (member(roles=("friends",)), {"everyone", "role:Friends", "managers, role:Friends"}),
        (member(manages=True), {"everyone", "managers", "role:Friends", "managers, role:Friends"}),
        (None, {"everyone"}),
    ],
)
def test_a_permit_includes_managers_and_people_with_the_role(known: discord.Member | None, allowed: set[str]) -> None:
    permits = permits_of(known)
    every = ("everyone", "managers", "role:Friends", "managers, role:Friends", "nobody")
    assert {permit for permit in every if permits(ada(), permit)} == allowed


async def test_whoever_writes_is_known_although_they_are_in_no_voice_channel() -> None:
    permits = permits_of(None)
    assert not permits(ada(), "managers")
    await permits.note(MagicMock(author=member(manages=True)))
    assert permits(ada(), "managers")
    assert not permits(ada(person=8), "managers")
    assert not permits(ada(server=2), "managers")
    for person in range(1_000, 1_000 + MAX_WRITERS):
        await permits.note(MagicMock(author=member(person)))
    assert not permits(ada(), "managers")


def test_the_page_may_use_all_tools_but_those_for_nobody_and_a_private_chat_only_those_for_everyone() -> None:
    permits = permits_of(None)
    assert permits(ada(server=PAGE, person=None), "managers")
    assert not permits(ada(server=PAGE, person=None), "nobody")
    assert permits(ada(server=99), "everyone")
    assert not permits(ada(server=99), "managers")
