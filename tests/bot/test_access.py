"""Tests of permits and rate limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import discord
import pytest

from bot.access import Permit, RateLimit, wait_text


def member(person_id: int = 1, *, manages: bool = False, roles: tuple[tuple[int, str], ...] = ()) -> Any:
    person = Mock(spec=discord.Member)
    person.id = person_id
    person.guild_permissions = discord.Permissions(manage_guild=manages)
    person.roles = [SimpleNamespace(id=role, name=name) for role, name in roles]
    return person


@pytest.mark.parametrize(
    ("permit", "person", "may"),
    [
        ("everyone", member(), True),
        ("managers", member(), False),
        ("managers", member(manages=True), True),
        ("role:Friends", member(roles=((5, "friends"),)), True),
        ("role:Friends", member(roles=((5, "strangers"),)), False),
        ("5", member(roles=((5, "anything"),)), True),
        ("role:Friends, 7", member(7), True),
        ("role:Friends, 7", member(8, manages=True), True),
    ],
)
def test_a_permit_holds_for_managers_and_for_the_people_and_roles_that_it_names(
    permit: str, person: Any, may: bool
) -> None:
    assert Permit.parse(permit).allows(person) is may


def test_in_private_a_permit_holds_for_everyone_and_for_ids_but_not_for_roles() -> None:
    stranger = Mock(spec=discord.User)
    stranger.id = 3
    assert Permit.parse("everyone").allows(stranger)
    assert not Permit.parse("role:Friends").allows(stranger)
    assert Permit.parse("3").allows(stranger)


def test_the_error_names_the_unknown_word() -> None:
    with pytest.raises(ValueError, match="'freinds'"):
        Permit.parse("role:Friends, freinds")


def test_each_user_may_do_a_number_of_things_in_a_number_of_seconds() -> None:
    now = 100.0
    limit = RateLimit("2/10", clock=lambda: now)
    assert [limit.take(1), limit.take(1), limit.take(2)] == [0, 0, 0]
    now = 104.0
    assert limit.take(1) == 6
    assert limit.take(2) == 0
    now = 110.5
    assert limit.take(1) == 0


def test_a_person_who_must_wait_is_notified_once_per_wait() -> None:
    now = 100.0
    limit = RateLimit("1/10", clock=lambda: now)
    told = []
    for at in (100, 101, 102, 111, 112, 113, 130):
        now = float(at)
        told.append(bool(limit.take(1)) and limit.notify_once(1))
    assert told == [False, True, False, False, True, False, False]


def test_the_text_about_the_wait_names_its_length() -> None:
    assert wait_text(3.2) == "⏳ A little slower, please: try again in 4 s."
    assert "10 minutes" in wait_text(599)
