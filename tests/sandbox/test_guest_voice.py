"""Voice channels with a bot and guests: joins, kicks, moves, mutes, full channels, changes of the voice server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import discord
import numpy as np
import pytest

from sandbox.server import Sandbox
from sandbox.world.entities import Channel
from sandbox.world.errors import RestError
from sandbox.world.permissions import Permission
from tests.sandbox.conftest import Bot
from tests.timing import LIMIT

VoiceEvent = Callable[[discord.Member, discord.VoiceState, discord.VoiceState], bool]


def _voice_channel(bot: Bot, channel: Channel) -> discord.VoiceChannel:
    found = bot.get_channel(channel.id)
    assert isinstance(found, discord.VoiceChannel)
    return found


async def _connect(bot: Bot, channel: Channel, *, reconnect: bool = False) -> discord.VoiceClient:
    client: discord.VoiceClient = await _voice_channel(bot, channel).connect(timeout=LIMIT, reconnect=reconnect)
    return client


def _own_state(bot: Bot, matches: Callable[[discord.VoiceState], bool]) -> VoiceEvent:
    return lambda member, _before, after: bot.user is not None and member.id == bot.user.id and matches(after)


async def _ended(client: discord.VoiceClient) -> None:
    """Wait until discord.py has given the connection up."""
    async with asyncio.timeout(LIMIT):
        while client.guild.voice_client is client:
            await asyncio.sleep(0.01)


async def _connected_to(client: discord.VoiceClient, channel: Channel, sandbox: Sandbox) -> None:
    """Wait until the bot is in that channel's encryption group, at the voice server now in use."""
    async with asyncio.timeout(LIMIT):
        while not (client.is_connected() and sandbox.bot_id in sandbox.voice_server.in_group(channel.id)):
            await asyncio.sleep(0.01)
    assert client.channel.id == channel.id


async def test_the_bot_joins_voice_and_leaves(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    channel = _voice_channel(bot, sandbox.voice_channel)
    assert [member.display_name for member in channel.members] == ["Ada"]
    client = await _connect(bot, sandbox.voice_channel)
    assert {state.member.user.name for state in sandbox.world.voice.inside(sandbox.voice_channel)} == {"Ada", "Bot"}
    await client.disconnect()
    assert sandbox.world.voice.find(sandbox.guild.id, sandbox.bot_id) is None


async def test_a_kick_ends_the_bots_connection(sandbox: Sandbox, bot: Bot) -> None:
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    await sandbox.faults.kick_from_voice(sandbox.bot)
    await _ended(client)
    again = await _connect(bot, sandbox.voice_channel)
    assert again.is_connected()


async def test_the_bot_follows_when_it_is_moved(sandbox: Sandbox, bot: Bot) -> None:
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    await sandbox.faults.move(sandbox.bot, sandbox.home.second_lounge)
    await _connected_to(client, sandbox.home.second_lounge, sandbox)


async def test_everybody_in_a_deleted_channel_is_disconnected(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    await sandbox.faults.delete_channel(sandbox.voice_channel)
    await _ended(client)
    assert bot.get_channel(sandbox.voice_channel.id) is None
    with pytest.raises(RuntimeError):
        assert ada.voice


async def test_nobody_fits_into_a_full_channel(sandbox: Sandbox, bot: Bot) -> None:
    ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
    await ada.join_voice(sandbox.voice_channel)
    seen = bot.sees("guild_channel_update")
    sandbox.faults.make_full(sandbox.voice_channel)
    await seen
    assert _voice_channel(bot, sandbox.voice_channel).user_limit == 1
    with pytest.raises(RestError):
        await ben.join_voice(sandbox.voice_channel)
    with pytest.raises(asyncio.TimeoutError):
        await _voice_channel(bot, sandbox.voice_channel).connect(timeout=0.3, reconnect=False)


async def test_the_bot_sees_that_it_is_muted(sandbox: Sandbox, bot: Bot) -> None:
    await _connect(bot, sandbox.voice_channel)
    seen = bot.sees("voice_state_update", _own_state(bot, lambda state: state.mute))
    sandbox.faults.server_mute(sandbox.bot)
    await seen
    seen = bot.sees("voice_state_update", _own_state(bot, lambda state: not state.mute))
    sandbox.faults.server_mute(sandbox.bot, muted=False)
    await seen


async def test_the_bot_joins_a_stage_in_the_audience(sandbox: Sandbox, bot: Bot) -> None:
    stage = bot.get_channel(sandbox.stage_channel.id)
    assert isinstance(stage, discord.StageChannel)
    await stage.connect(timeout=LIMIT, reconnect=False)
    me = stage.guild.me
    assert me.voice is not None
    assert me.voice.suppress
    with pytest.raises(discord.Forbidden):
        await me.edit(suppress=False)
    await me.request_to_speak()
    seen = bot.sees("voice_state_update", _own_state(bot, lambda state: not state.suppress))
    sandbox.faults.suppress(sandbox.bot, suppressed=False)
    await seen


async def test_the_bot_is_suppressed_in_the_afk_channel(sandbox: Sandbox, bot: Bot) -> None:
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    seen = bot.sees("voice_state_update", _own_state(bot, lambda state: state.afk and state.suppress))
    await sandbox.faults.move_to_afk(sandbox.bot)
    await seen
    await _connected_to(client, sandbox.afk_channel, sandbox)


async def test_everybody_moves_to_another_voice_server(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    before = sandbox.voice_server.endpoint
    await sandbox.faults.change_voice_server()
    assert sandbox.voice_server.endpoint != before
    await _connected_to(client, sandbox.voice_channel, sandbox)
    assert ada.voice.close_code is None


async def test_a_lost_voice_server_is_replaced(sandbox: Sandbox, bot: Bot) -> None:
    client = await _connect(bot, sandbox.voice_channel, reconnect=True)
    await sandbox.faults.lose_voice_server()
    await sandbox.faults.change_voice_server()
    await _connected_to(client, sandbox.voice_channel, sandbox)


async def test_without_the_permission_to_connect_the_bot_is_refused(sandbox: Sandbox, bot: Bot) -> None:
    seen = bot.sees("guild_channel_update")
    sandbox.faults.deny(sandbox.bot, sandbox.voice_channel, Permission.CONNECT)
    await seen
    channel = _voice_channel(bot, sandbox.voice_channel)
    assert not channel.permissions_for(channel.guild.me).connect
    with pytest.raises(asyncio.TimeoutError):
        await channel.connect(timeout=0.3, reconnect=False)


async def test_without_the_permission_to_speak_the_bot_is_suppressed(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.faults.deny(sandbox.bot, sandbox.voice_channel, Permission.SPEAK)
    seen = bot.sees("voice_state_update", _own_state(bot, lambda state: state.suppress))
    await _connect(bot, sandbox.voice_channel)
    await seen


async def test_the_bot_moves_mutes_and_disconnects_members_if_it_may(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    member = await guild.fetch_member(ada.id)
    with pytest.raises(discord.Forbidden):
        await member.move_to(guild.voice_channels[1])
    directory, role_id = sandbox.world.directory, sandbox.guild.members[sandbox.bot_id].roles[0]
    directory.set_role_permissions(sandbox.guild, role_id, Permission.MOVE_MEMBERS | Permission.MUTE_MEMBERS)
    await member.move_to(guild.voice_channels[1])
    await ada.follow_voice()
    state = sandbox.world.voice.get(sandbox.guild.id, ada.id)
    assert state.channel_id == guild.voice_channels[1].id
    await member.edit(mute=True)
    assert state.member.mute
    await member.move_to(None)
    assert sandbox.world.voice.find(sandbox.guild.id, ada.id) is None
    with pytest.raises(discord.HTTPException) as error:
        await member.edit(mute=False)
    assert error.value.code == 40032


async def test_a_guest_hears_another_guest(sandbox: Sandbox) -> None:
    ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
    await asyncio.gather(ada.join_voice(sandbox.voice_channel), ben.join_voice(sandbox.voice_channel))
    await ada.voice.speak(np.full(9600, 0.1, np.float32))
    await ben.voice.receiver.wait_for_audio(ada.id, LIMIT)
    await ada.leave_voice()
    assert [state.member.user.name for state in sandbox.world.voice.inside(sandbox.voice_channel)] == ["Ben"]


async def test_another_voice_library_gets_the_two_events_with_which_it_connects(sandbox: Sandbox) -> None:
    user = (await sandbox.add_guest("Node")).user
    state, server = await sandbox.join_voice(user.id, sandbox.voice_channel.id)
    assert state["channel_id"] == str(sandbox.voice_channel.id)
    assert state["session_id"]
    assert server == {
        "guild_id": str(sandbox.guild.id),
        "token": sandbox.world.voice.get(sandbox.guild.id, user.id).token,
        "endpoint": sandbox.voice_server.endpoint,
    }
