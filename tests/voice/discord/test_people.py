"""Tests of the people in a voice channel: their names, who hears the bot, and who may interrupt it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import discord
import pytest

from bot.voice.discord.people import BargeInRule, CallRights, ChannelPeople, Located, MayInterrupt


def channel() -> discord.VoiceChannel:
    """A voice channel with Ada, who is a DJ, with Ben, and with a music bot. It has only the attributes in use."""
    dj = SimpleNamespace(name="DJ")
    members = [
        SimpleNamespace(id=1, display_name="Ada", bot=False, roles=[dj]),
        SimpleNamespace(id=2, display_name="Ben", bot=False, roles=[]),
        SimpleNamespace(id=3, display_name="Jukebox", bot=True, roles=[]),
    ]
    guild = SimpleNamespace(get_member={member.id: member for member in members}.get)
    return cast(discord.VoiceChannel, SimpleNamespace(guild=guild, members=members))


def people_with(rule: str) -> ChannelPeople:
    bot = cast(Located, SimpleNamespace(channel=channel()))
    return ChannelPeople(bot, CallRights(BargeInRule.parse(rule), lambda _, person: True, lambda *_: None))


def test_people_have_names_and_bots_are_not_people() -> None:
    people = people_with("everyone")
    assert people.names() == ("Ada", "Ben")
    assert people.others(1) == ("Ben",)
    assert people.name(1) == "Ada"
    assert people.name(99) == "Someone"
    assert [people.is_program(person) for person in (1, 3, 99)] == [False, True, False]


@pytest.mark.parametrize(
    ("deaf", "self_deaf", "hears"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_whoever_is_in_the_channel_and_not_deafened_hears_the_bot(deaf: bool, self_deaf: bool, hears: bool) -> None:
    there = channel()
    for member in there.members:
        member.voice = SimpleNamespace(deaf=deaf, self_deaf=self_deaf)  # type: ignore[misc, assignment]
    people = ChannelPeople(
        cast(Located, SimpleNamespace(channel=there)),
        CallRights(BargeInRule(), lambda _, person: True, lambda *_: None),
    )
    assert [people.hears(person) for person in (1, 3, 99)] == [hears, False, False]


@pytest.mark.parametrize("noticed", ["by their sound", "in the channel", "by their name"])
def test_the_name_of_a_person_who_has_left_is_still_known(noticed: str) -> None:
    there = channel()
    people = ChannelPeople(
        cast(Located, SimpleNamespace(channel=there)),
        CallRights(BargeInRule(), lambda _, person: True, lambda *_: None),
    )
    match noticed:
        case "by their sound":
            people.is_program(1)
        case "in the channel":
            people.names()
        case _:
            people.name(1)
    there.members.clear()
    there.guild.get_member = lambda _: None  # type: ignore[method-assign]
    assert people.name(1) == "Ada"
    assert people.names() == ()
    assert people.name(99) == "Someone"


@pytest.mark.parametrize(
    ("rule", "answered", "interrupt"),
    [
        ("everyone", None, [True, True]),
        ("nobody", 1, [False, False]),
        ("answered", 2, [False, True]),
        ("answered", None, [False, False]),
        ("role:DJ", None, [True, False]),
    ],
)
def test_the_rule_decides_who_may_interrupt(rule: str, answered: int | None, interrupt: list[bool]) -> None:
    people = people_with(rule)
    assert [people.may_interrupt(person, answered) for person in (1, 2)] == interrupt


def test_rules_are_parsed_or_refused() -> None:
    assert BargeInRule.parse("role: Night DJs") == BargeInRule(MayInterrupt.ROLE, "Night DJs")
    with pytest.raises(ValueError, match="somebody"):
        BargeInRule.parse("somebody")
