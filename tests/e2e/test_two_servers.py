"""Tests of people on another server than the call's: they can't change the call, and learn nothing about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.guard import ELSEWHERE, JOIN_ELSEWHERE, SERVER_ONLY
from bot.voice.listening_notice import CallMode
from config.sections import Captions
from sandbox.guest import Guest
from sandbox.world.entities import Channel, ChannelKind
from sandbox.world.permissions import Permission
from tests.e2e.conftest import LIMIT, Stage

STEERING: dict[str, dict[str, object]] = {
    "join": {},
    "leave": {},
    "voice-status": {},
    "speak": {"text": "hello"},
    "stop": {},
    "volume": {"percent": 10},
    "listen": {"state": "off"},
    "captions": {"place": "channel"},
    "mode": {"mode": "transcribe"},
    "follow": {"state": "me"},
    "record": {"state": "off"},
    "notes": {"state": "off"},
    "voice record": {"name": "Robin"},
}
"""Commands that act on the call, with the arguments that make them act."""


@dataclass(slots=True)
class TwoServers:
    """A call on one server, and Zoe, who is only on the other one and may manage that one."""

    stage: Stage
    zoe: Guest
    text: Channel

    async def typed(self, text: str) -> str:
        """Zoe types on her server. Returns the answer."""
        await self.zoe.say(self.text, text)
        return (await self.zoe.wait_for_message(self.text, timeout=LIMIT)).content

    async def pressed(self, command: str, options: dict[str, object]) -> str:
        """Zoe uses a slash command on her server. Returns the answer, which only she sees."""
        answer = await (await self.zoe.press(self.text, command, **options)).response(LIMIT)
        assert answer.is_ephemeral
        return answer.content


@pytest.fixture
async def servers(stage: Stage) -> AsyncIterator[TwoServers]:
    sandbox, directory = stage.sandbox, stage.sandbox.world.directory
    guild = directory.add_guild("Elsewhere", sandbox.home.owner)
    directory.add_member(guild, sandbox.bot)
    text, voice = directory.add_channel(guild, "general"), directory.add_channel(guild, "lounge", ChannelKind.VOICE)
    zoe = await sandbox.add_guest("Zoe", guild)
    directory.give_role(guild, zoe.id, directory.add_role(guild, "Managers", Permission.MANAGE_GUILD).id)
    await zoe.join_voice(voice)
    await stage.join()
    await stage.told("⚠️ I answer with")
    yield TwoServers(stage, zoe, text)


def _line(command: str, options: dict[str, object]) -> str:
    return " ".join(["!" + command, *map(str, options.values())])


async def test_a_person_on_another_server_can_neither_see_nor_change_the_call(servers: TwoServers) -> None:
    stage = servers.stage
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None

    def noticed() -> tuple[int, int]:
        # Events without a call come when the bot has started, on a slow machine during this test.
        return len(stage.ada.messages(stage.sandbox.home.general)), sum(bool(event.call) for event in stage.events)

    before = noticed()
    for command, options in STEERING.items():
        told = JOIN_ELSEWHERE if command == "join" else ELSEWHERE
        assert await servers.typed(_line(command, options)) == told
        assert await servers.pressed(command, options) == told
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is call
    assert (call.volume, call.listening, call.captions, call.mode, call.recordings.on) == (
        1.0,
        True,
        Captions.OFF,
        CallMode.TALK,
        False,
    )
    assert noticed() == before, "nobody noticed anything"
    written = " ".join(message.content for message in servers.zoe.messages(servers.text))
    home = stage.sandbox.home
    for secret in (home.guild.name, home.lounge.name, home.general.name, str(home.general.id), str(home.lounge.id)):
        assert secret not in written


async def test_a_command_in_a_direct_message_answers_that_it_needs_a_server(servers: TwoServers) -> None:
    zoe, channel = servers.zoe, servers.zoe.dm_channel
    for command, options in STEERING.items():
        await zoe.dm(_line(command, options))
        assert (await zoe.wait_for_message(channel, timeout=LIMIT)).content == SERVER_ONLY
    assert servers.stage.app.calls.current_on(servers.stage.sandbox.guild.id) is not None


async def test_a_person_on_both_servers_controls_the_call_from_the_server_of_the_call(servers: TwoServers) -> None:
    stage, directory = servers.stage, servers.stage.sandbox.world.directory
    guild = directory.guild(servers.text.guild_id or 0)
    directory.add_member(guild, stage.ada.user)
    await stage.ada.say(servers.text, "!stop")
    assert (await stage.ada.wait_for_message(servers.text, timeout=LIMIT)).content == ELSEWHERE
    assert (await stage.answer_to("!stop", starts="🤫")) == "🤫 I wasn't saying anything."


async def test_each_server_has_its_own_volume(servers: TwoServers) -> None:
    stage = servers.stage
    # An earlier version stored this. It had one volume for all servers.
    await stage.app.database.write("INSERT INTO setting VALUES ('volume', '0.3')")
    assert await stage.answer_to("!volume 50", starts="🔊") == "🔊 Volume: 50 %"
    await stage.answer_to("!leave", starts="👋")
    await stage.until(lambda: not stage.app.calls.occupied, "the end of the call")
    assert await servers.typed("!volume") == "🔊 Volume: 30 %"
    assert await servers.typed("!volume 20") == "🔊 Volume: 20 %"
    assert await stage.answer_to("!volume", starts="🔊") == "🔊 Volume: 50 %"
    await stage.join()
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None
    assert call.volume == 0.5


async def test_a_call_that_is_starting_on_one_server_is_not_cancelled_from_another(servers: TwoServers) -> None:
    stage = servers.stage
    await stage.answer_to("!leave", starts="👋")
    await stage.until(lambda: not stage.app.calls.occupied, "the end of the call")
    await stage.sandbox.faults.lose_voice_server()
    await stage.ask("!join")
    await stage.until(lambda: stage.app.calls.status().state.value == "starting", "the start")
    assert await servers.typed("!leave") == ELSEWHERE
    assert await servers.typed("!join") == JOIN_ELSEWHERE
    assert stage.app.calls.status().state.value == "starting"
    assert await stage.answer_to("!leave", starts="👋 Left") == "👋 Left voice channel!"
