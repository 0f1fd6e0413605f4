"""Tests of the table of rights and the guard: every command, every kind of person, every place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import discord
import pytest

from bot.access import NotPermittedError
from bot.guard import ELSEWHERE, IGNORED, JOIN_ELSEWHERE, SERVER_ONLY, Guard, PermitRequest, read_permits
from bot.owners import Owners
from bot.rights import RIGHTS, SPOKEN, Right, Touches, Who
from bot.voice.utterances.voice_commands import VoiceCommand
from config.settings import Settings

GUIDE = Path(__file__).parents[2] / "docs" / "operator-guide.md"
HERE, THERE = 100, 200
OWNER = 1
LOUNGE = SimpleNamespace(id=7, guild=SimpleNamespace(id=HERE))

CONTROL = {
    "speak",
    "stop",
    "volume",
    "play",
    "pause",
    "skip",
    "sound",
    "sound stop",
    "listen",
    "captions",
    "mode",
    "follow",
}
SHOWING = {
    "volume",
    "sound",
    "listen",
    "captions",
    "mode",
    "follow",
    "record",
    "notes",
    "persona",
    "mood",
    "ignore",
    "chat",
    "bipolar",
    "autonomous",
    "autojoin",
}
ON_THE_CALL = {*CONTROL, "join", "leave", "voice-status", "queue", "nowplaying", "record", "notes", "voice record"}
OWNERS = {"gpu", "low-performance", "release", "why", "avatar", "avatar next", "avatar list"}
"""The commands by right. They are written here a second time, so that a mistake in the table is noticed."""


def person(user: int = 9, *, manages: bool = False, in_call: bool = False, roles: tuple[str, ...] = ()) -> Any:
    """A member of the server on which the command is used."""
    member = Mock(spec=discord.Member)
    member.id = user
    member.guild_permissions = discord.Permissions(manage_guild=manages)
    member.roles = [SimpleNamespace(id=5, name=name) for name in roles]
    member.voice = SimpleNamespace(channel=LOUNGE) if in_call else None
    return member


def guard(*, call: bool = True, ignored: frozenset[int] = frozenset(), **settings: Any) -> Guard:
    chosen = Settings.read(_env_file=None, **settings)
    where = cast(Any, LOUNGE) if call else None
    return Guard(read_permits(chosen.who_may), Owners({OWNER}), lambda _: where, lambda _, user: user in ignored, "!")


async def refusal(
    guarded: Guard, command: str, who: Any, server: int | None = HERE, *, bare: bool = False
) -> str | None:
    try:
        await guarded.require(command, PermitRequest(cast(Any, None), who, server, bare))
    except NotPermittedError as error:
        return str(error)
    return None


async def allowed(guarded: Guard, who: Any, server: int | None = HERE, *, bare: bool = False) -> set[str]:
    return {name for name in RIGHTS if await refusal(guarded, name, who, server, bare=bare) is None}


def test_the_guide_shows_the_table_of_rights_as_it_is() -> None:
    assert list(_rows_of_the_guide()) == [_row(name, right) for name, right in RIGHTS.items()]


def _rows_of_the_guide() -> Iterator[list[str]]:
    section = GUIDE.read_text(encoding="utf-8").split("#### The table of rights", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    yield from rows[2:]


def _row(name: str, right: Right) -> list[str]:
    def words(permits: tuple[Who, ...]) -> str:
        return " and ".join(who.value for who in permits)

    return [
        f"`!{name}`",
        words(right.who),
        words(right.on_call or right.who),
        "everyone" if right.showing else "the same",
        "refused" if right.touches is Touches.THE_CALL else "works",
    ]


def test_every_spoken_command_has_a_row() -> None:
    assert set(SPOKEN) == set(VoiceCommand)
    assert {command for command in SPOKEN.values() if command is not None} <= set(RIGHTS)


async def test_nobody_can_change_the_call_from_another_server_whoever_they_are() -> None:
    for who in (person(), person(manages=True), person(OWNER), person(in_call=True)):
        for command in ON_THE_CALL:
            for bare in (False, True):
                told = JOIN_ELSEWHERE if command == "join" else ELSEWHERE
                assert await refusal(guard(), command, who, THERE, bare=bare) == told
    untouched = set(RIGHTS) - ON_THE_CALL
    assert await allowed(guard(), person(OWNER, manages=True), THERE) == untouched, (
        "commands that do not change the call still work"
    )
    assert (ELSEWHERE, JOIN_ELSEWHERE, SERVER_ONLY) == (
        "❌ I'm in a call on another server.",
        "❌ I'm in a call on another server. Ask me again later.",
        "❌ That works on a server only.",
    )


async def test_in_a_direct_message_there_is_no_call() -> None:
    for call in (True, False):
        for command in ON_THE_CALL:
            assert await refusal(guard(call=call), command, Mock(spec=discord.User, id=9), None) == SERVER_ONLY
    assert await allowed(guard(), Mock(spec=discord.User, id=9), None) == (
        set(RIGHTS) - ON_THE_CALL - OWNERS - {"schedule", "schedule add", "schedule list", "schedule remove"}
    ), "in private, everybody may use all other commands"


async def test_by_default_people_in_the_call_control_it() -> None:
    everyones = {name for name, right in RIGHTS.items() if right.who == (Who.EVERYONE,)} - {
        "mood",
        "voice use",
        "voice preview",
    }
    in_call = await allowed(guard(), person(in_call=True))
    steering = {*CONTROL, "persona", "mood", "ignore", "voice use", "voice preview", "voice record"}
    assert in_call == everyones | steering | {"join", "leave", "voice clone", "draw"}
    assert await allowed(guard(), person()) == in_call - steering, (
        "people on the server who are not in the call may not steer it"
    )
    managed = {"record", "notes", "forget", "chat", "bipolar", "argue", "autonomous", "autojoin"}
    managed |= {name for name in RIGHTS if name.startswith(("schedule", "knowledge"))} | {"sound add", "sound remove"}
    assert await allowed(guard(), person(manages=True)) == in_call | managed
    assert await allowed(guard(), person(OWNER)) == (in_call - steering) | OWNERS


async def test_everybody_on_the_server_may_use_commands_that_only_show_something() -> None:
    gained = await allowed(guard(), person(), bare=True) - await allowed(guard(), person())
    assert gained == SHOWING


async def test_without_a_call_the_setting_who_may_control_still_holds() -> None:
    told = await refusal(guard(call=False), "volume", person())
    assert told == "🔒 `!volume` is for people in the call, and people who may manage this server."
    assert await refusal(guard(call=False), "volume", person(manages=True)) is None
    assert await refusal(guard(call=False), "volume", person(), bare=True) is None
    assert await refusal(guard(call=False, who_may_control="everyone"), "volume", person()) is None
    assert await refusal(guard(call=False, who_may_control="call, role:DJ"), "volume", person(roles=("dj",))) is None
    told = await refusal(guard(call=False, who_may_control="managers"), "volume", person())
    assert told == "🔒 `!volume` is for people who may manage this server."
    assert "people who may manage this server" in (await refusal(guard(call=False), "persona", person()) or "")
    assert await refusal(guard(call=False), "mood", person()) is None
    for command in ("speak", "stop", "listen", "captions", "mode"):
        assert await refusal(guard(call=False), command, person()) is None, (
            "the command itself answers that there is no call"
        )


@pytest.mark.parametrize(
    ("setting", "who", "may"),
    [
        ("call", person(in_call=True), True),
        ("call", person(), False),
        ("call", person(manages=True), True),
        ("everyone", person(), True),
        ("managers", person(in_call=True), False),
        ("managers", person(manages=True), True),
        ("role:DJ", person(roles=("dj",)), True),
        ("role:DJ", person(in_call=True), False),
        ("call, role:DJ", person(in_call=True), True),
        ("call, role:DJ", person(roles=("DJ",)), True),
        ("call, role:DJ", person(), False),
    ],
)
async def test_the_setting_says_who_may_control_a_call(setting: str, who: Any, may: bool) -> None:
    for command in (*CONTROL, "persona", "mood", "ignore", "voice use", "voice preview"):
        assert (await refusal(guard(who_may_control=setting), command, who) is None) is may, command
    assert (guard(who_may_control=setting).spoken_refusal(VoiceCommand.STOP, who) is None) is (
        may or (who.voice is None and "call" in setting)
    ), "a person who speaks is in the call"


@pytest.mark.parametrize(
    ("setting", "in_call", "outside", "manager"),
    [
        ("managers", False, False, True),
        ("call", True, False, True),
        ("everyone", True, True, True),
        ("nobody", False, False, False),
    ],
)
async def test_the_setting_says_who_may_record_a_call(
    setting: str, in_call: bool, outside: bool, manager: bool
) -> None:
    guarded = guard(who_may_record=setting)
    for who, may in ((person(in_call=True), in_call), (person(), outside), (person(manages=True), manager)):
        assert (await refusal(guarded, "record", who) is None) is may
        assert await refusal(guarded, "record", who, bare=True) is None, (
            "everybody may know whether the call is recorded"
        )
    assert (await refusal(guarded, "voice record", person(in_call=True)) is None) is (setting != "nobody")
    if setting == "nobody":
        assert "switched off" in (await refusal(guarded, "record", person(manages=True)) or "")


def test_the_permit_to_leave_holds_for_spoken_commands_too() -> None:
    guarded = guard(who_may_leave="role:Hosts")
    assert guarded.spoken_refusal(VoiceCommand.LEAVE, person(in_call=True)) == (
        "I may not do that for you. It is for people with the role Hosts, and people who may manage this server."
    )
    assert guarded.spoken_refusal(VoiceCommand.LEAVE, person(roles=("hosts",))) is None
    assert guarded.spoken_refusal(VoiceCommand.REPEAT_ME, person()) is None


async def test_an_ignored_person_controls_nothing_unless_they_manage_the_server() -> None:
    guarded = guard(ignored=frozenset({9}), who_may_control="everyone")
    assert await refusal(guarded, "speak", person(in_call=True)) == IGNORED.format(command="!speak")
    assert await refusal(guarded, "leave", person(in_call=True)) == IGNORED.format(command="!leave")
    assert await refusal(guarded, "ignore", person(in_call=True)) == IGNORED.format(command="!ignore")
    assert await refusal(guarded, "volume", person(in_call=True), bare=True) is None
    assert await refusal(guarded, "optout", person(in_call=True)) is None
    assert await refusal(guarded, "speak", person(manages=True)) is None
    assert await refusal(guarded, "speak", person(3)) is None


async def test_a_refusal_names_the_command_and_the_people_who_may_use_it() -> None:
    assert await refusal(guard(), "stop", person()) == (
        "🔒 `!stop` is for people in the call, and people who may manage this server."
    )
    assert "the people who run me" in (await refusal(guard(), "gpu", person(manages=True)) or "")
    told = await refusal(guard(who_may_control="role:D_J, 77"), "stop", person())
    assert told == (
        "🔒 `!stop` is for people with the role D\\_J, people whom my operator has named, "
        "and people who may manage this server."
    )
