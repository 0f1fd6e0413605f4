"""Tests of whom the bot answers in a call on Discord."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import discord
import pytest

from bot.access import Permit
from bot.audience import Audience
from bot.database import Database
from bot.ignored import IgnoredPeople
from bot.voice.discord.link import VoiceChannel

GUILD, ADA, BEN, STRANGER = 1, 101, 102, 103


def channel_with(person: int, *, in_call: bool, role: str = "") -> VoiceChannel:
    """A channel on a server that knows one person, who is in its call, or elsewhere."""
    channel = Mock(spec=discord.VoiceChannel)
    member = Mock(spec=discord.Member, id=person, roles=[SimpleNamespace(id=7, name=role)])
    member.guild_permissions.manage_guild = False
    member.voice = SimpleNamespace(channel=channel if in_call else None)
    channel.guild = SimpleNamespace(id=GUILD, get_member={person: member}.get)
    return cast(VoiceChannel, channel)


def audience(permit: str, *ignored: int) -> Audience:
    people = IgnoredPeople(Mock(spec=Database), {(GUILD, person) for person in ignored})
    return Audience(Permit.parse(permit), people)


@pytest.mark.parametrize(
    ("permit", "there", "admitted"),
    [
        ("everyone", {"in_call": True}, True),
        ("call", {"in_call": True}, True),
        ("call", {"in_call": False}, False),
        ("role:Friends", {"in_call": True, "role": "friends"}, True),
        ("role:Friends", {"in_call": True, "role": "others"}, False),
        ("nobody", {"in_call": True}, False),
    ],
)
def test_whoever_is_permitted_is_answered(permit: str, there: dict[str, Any], admitted: bool) -> None:
    assert audience(permit).admits(channel_with(ADA, **there), ADA) is admitted


def test_whoever_is_ignored_on_the_server_is_not_answered_whatever_is_permitted() -> None:
    channel = channel_with(ADA, in_call=True)
    assert not audience("everyone", ADA).admits(channel, ADA)
    assert audience("everyone", BEN).admits(channel, ADA)


@pytest.mark.parametrize(("permit", "admitted"), [("everyone", True), ("call", False), (f"{STRANGER}", False)])
def test_whoever_is_not_known_may_do_what_everyone_may_do(permit: str, admitted: bool) -> None:
    assert audience(permit).admits(channel_with(ADA, in_call=True), STRANGER) is admitted
