"""Tests of the rights to use all commands, for all kinds of people and places, typed and as slash commands.

The commands themselves are tested elsewhere. Here each ends before it does anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from discord.ext import commands

from bot.guard import ELSEWHERE, JOIN_ELSEWHERE, SERVER_ONLY
from bot.rights import RIGHTS
from sandbox.guest import Guest
from sandbox.world.entities import Channel, Upload
from tests.e2e.conftest import LIMIT
from tests.features.talk import let_manage, let_own
from tests.lease.endings import WorldMaker
from tests.lease.features import World

THROUGH = "✅ let through"

MADE_TO_ACT: dict[str, dict[str, Any]] = {
    "speak": {"text": "hello"},
    "voice-message": {"text": "hello"},
    "volume": {"percent": 10},
    "play": {"name": "a song"},
    "sound": {"name": "a horn"},
    "sound add": {"name": "a horn"},
    "sound remove": {"name": "a horn"},
    "listen": {"state": "off"},
    "captions": {"place": "channel"},
    "mode": {"mode": "transcribe"},
    "record": {"state": "on"},
    "follow": {"state": "me"},
    "notes": {"state": "on"},
    "persona": {"name": "evil_seiyuu"},
    "mood": {"name": "sad"},
    "voice use": {"name": "en"},
    "voice preview": {"name": "en"},
    "voice record": {"name": "Robin"},
    "voice clone": {"name": "Robin"},
    "voice delete": {"name": "Robin"},
    "chat": {"state": "on"},
    "draw": {"prompt": "a cat"},
    "schedule add": {"entry": "daily 9:00 x"},
    "schedule remove": {"number": 1},
    "bipolar": {"state": "on"},
    "autonomous": {"state": "on"},
    "autojoin": {"choice": "Lounge"},
    "gpu": {"card": "amd"},
    "low-performance": {"switch": "on"},
    "release": {"feature": "vision"},
    "memory correct": {"number": 1, "text": "tea"},
    "memory forget": {"what": "1"},
    "knowledge search": {"question": "tea"},
}
"""Arguments for the commands that need one, and for those that only show something without one."""

ON_CALL = {"join", "leave", "voice-status", "speak", "stop", "volume", "listen", "captions", "mode", "record"} | {
    "follow",
    "notes",
    "voice record",
    "play",
    "pause",
    "skip",
    "queue",
    "nowplaying",
    "sound",
    "sound stop",
}
CONTROL = {"speak", "stop", "volume", "listen", "captions", "mode", "persona", "mood", "ignore", "follow"} | {
    "voice use",
    "voice preview",
    "voice record",
    "play",
    "pause",
    "skip",
    "sound",
    "sound stop",
}
OWNERS = {"gpu", "low-performance", "release", "why", "avatar", "avatar next", "avatar list"}
OWNERS_ANYWHERE = {"why"}
SCHEDULE = {"schedule", "schedule add", "schedule list", "schedule remove"}
SOUNDS = {"sound add", "sound remove"}
KNOWLEDGE = {"knowledge", "knowledge on", "knowledge off", "knowledge search"}
MANAGERS = {
    "record",
    "notes",
    "forget",
    "chat",
    "bipolar",
    "argue",
    "autonomous",
    "autojoin",
    *SOUNDS,
    *SCHEDULE,
    *KNOWLEDGE,
}
IN_PRIVATE = (
    {"persona", "mood", "forget", "draw", "draw-cancel", "optin", "optout", "help", "reminders"}
    | {"voice-message", "usage"}
    | {name for name in RIGHTS if name.startswith(("figurines", "memory", "my-data", "erase-me"))}
)
"""The sets from :data:`ON_CALL` to this one are written by hand from the requirements, and not read from the table of
rights.
"""
ALL = set(RIGHTS)
EVERYBODYS = ALL - CONTROL - OWNERS - MANAGERS


@dataclass(frozen=True, slots=True)
class Place:
    """A person, the place where they use commands, and the commands that they may use there."""

    guest: Guest
    channel: Channel
    may: set[str]


@dataclass(frozen=True, slots=True)
class Scene:
    """A world in which a call runs, and people in different places, with different rights."""

    world: World
    people: dict[str, Place]


@pytest.fixture
async def scene(make_world: WorldMaker) -> AsyncIterator[Scene]:
    async with make_world() as world:
        stage, sandbox, directory = world.stage, world.stage.sandbox, world.stage.sandbox.world.directory
        elsewhere = directory.add_guild("Elsewhere", sandbox.home.owner)
        directory.add_member(elsewhere, sandbox.bot)
        away = directory.add_channel(elsewhere, "general")
        channels = iter([directory.add_channel(sandbox.guild, f"room-{number}") for number in range(4)])
        caller, outsider, manager, owner = [await sandbox.add_guest(name) for name in ("Cleo", "Olga", "Max", "Oscar")]
        zoe = await sandbox.add_guest("Zoe", elsewhere)
        let_manage(sandbox, manager.id)
        let_own(sandbox, owner)
        let_manage(sandbox, zoe.id, elsewhere)
        await caller.join_voice(sandbox.home.lounge)
        await stage.answer_to("!join", starts="🎤 Joined")

        async def let_through(ctx: commands.Context[Any]) -> None:
            await ctx.send(THROUGH, ephemeral=True)
            raise commands.CommandNotFound  # The bot does not answer this error.

        stage.app.bot.before_invoke(let_through)
        yield Scene(
            world,
            {
                "in the call": Place(caller, next(channels), EVERYBODYS | CONTROL),
                "on the server": Place(outsider, next(channels), EVERYBODYS),
                "manager": Place(manager, next(channels), EVERYBODYS | CONTROL | MANAGERS),
                "owner of the process": Place(owner, next(channels), EVERYBODYS | OWNERS),
                "manager of another server": Place(zoe, away, (ALL - OWNERS) - ON_CALL),
                "direct message": Place(outsider, outsider.dm_channel, IN_PRIVATE),
            },
        )


async def test_every_command_has_a_row_in_the_table_of_rights_and_every_row_a_command(scene: Scene) -> None:
    bot = scene.world.stage.app.bot
    assert {command.qualified_name for command in bot.walk_commands()} == ALL


async def test_each_person_in_each_place_may_use_exactly_the_permitted_commands(scene: Scene) -> None:
    walks = [_walk(who, place) for who, place in scene.people.items() if who != "direct message"]
    wrong = [line for lines in await asyncio.gather(*walks) for line in lines]
    wrong += await _walk("direct message", scene.people["direct message"])
    assert wrong == []
    assert scene.world.stage.app.calls.current_on(scene.world.stage.sandbox.guild.id) is not None


async def _walk(who: str, place: Place) -> list[str]:
    """Use all commands. Returns the wrong answers."""
    wrong = []
    for command in RIGHTS:
        options = MADE_TO_ACT.get(command, {})
        if command in ("ignore", "memory about"):
            options = {"member" if command == "ignore" else "person": place.guest.user}
        for how, use in (("typed", _typed), ("pressed", _pressed)):
            answer = await use(place, command, options)
            fault = _fault(who, place, command, answer)
            if fault:
                wrong.append(f"{who}, {command}, {how}: {fault}")
    return wrong


def _fault(who: str, place: Place, command: str, answer: str) -> str | None:
    if command in place.may:
        return None if answer == THROUGH else f"was refused: {answer}"
    if who == "manager of another server" and command in ON_CALL:
        expected = JOIN_ELSEWHERE if command == "join" else ELSEWHERE
        return None if answer == expected else f"was told {answer!r}"
    if who == "direct message" and command not in OWNERS_ANYWHERE:
        return None if answer == SERVER_ONLY else f"was told {answer!r}"
    return None if answer.startswith(f"🔒 `!{command}` is for ") else f"was told {answer!r}"


async def _typed(place: Place, command: str, options: dict[str, Any]) -> str:
    words = [f"<@{value.id}>" if hasattr(value, "id") else str(value) for value in options.values()]
    files = [Upload("robin.ogg", b"OggS", "audio/ogg")] if command == "voice clone" else []
    said = await place.guest.say(place.channel, " ".join(["!" + command, *words]), attachments=files)
    answer = await place.guest.wait_for_message(place.channel, lambda m: m.author.bot, LIMIT, after=said)
    return answer.content


async def _pressed(place: Place, command: str, options: dict[str, Any]) -> str:
    group = {"voice", "schedule", "figurines", "avatar", "knowledge", "memory"}
    if command in group:
        return await _typed(place, command, options)  # Discord has no slash command for a group itself.
    if command == "sound":
        command = "sound play"  # As a slash command, "!sound NAME" is "/sound play NAME".
    answer = await (await place.guest.press(place.channel, command, **options)).response(LIMIT)
    assert answer.is_ephemeral, command
    return answer.content
