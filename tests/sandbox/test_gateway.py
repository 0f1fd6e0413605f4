"""The gateway: discord.py logs in, gets events by its intents and resumes, and a misbehaving client is disconnected."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.server import Sandbox
from sandbox.world.entities import ApplicationFlag
from tests.sandbox.conftest import Bot, Login
from tests.timing import LIMIT


async def test_discord_py_logs_in_and_sees_the_guild(sandbox: Sandbox, bot: Bot) -> None:
    assert bot.user is not None
    assert bot.user.id == sandbox.bot_id
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    assert {channel.name for channel in guild.voice_channels} >= {"Lounge", "AFK"}
    assert [channel.name for channel in guild.stage_channels] == ["Stage"]
    assert guild.afk_channel is not None
    assert guild.afk_channel.id == sandbox.afk_channel.id
    assert guild.me.guild_permissions.speak
    assert not guild.me.guild_permissions.move_members


async def test_messages_go_both_ways(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")

    @bot.listen("on_message")
    async def reply(message: discord.Message) -> None:
        if not message.author.bot:
            await message.reply(f"You said {message.content}")

    said = await ada.say(sandbox.text_channel, "hello")
    answer = await ada.wait_for_message(sandbox.text_channel)
    assert answer.content == "You said hello"
    assert answer.reference is said


async def test_messages_from_the_time_without_a_connection_arrive_after_the_resume(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    sandbox.faults.cut_gateway()
    await ada.say(sandbox.text_channel, "still there?")
    await bot.happens("resumed")
    assert [message.content for message in bot.read] == ["still there?"]
    await ada.say(sandbox.text_channel, "good")
    await bot.sees("message", lambda message: message.content == "good")
    assert len(bot.read) == 2


async def test_a_session_that_is_gone_makes_the_bot_identify_anew(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    sandbox.faults.cut_gateway_and_forget_sessions()
    await bot.happens("ready")
    await ada.say(sandbox.text_channel, "back?")
    await bot.sees("message", lambda message: message.content == "back?")


async def test_the_bot_reconnects_when_asked_and_resumes(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.faults.ask_to_reconnect()
    await bot.happens("resumed")


async def test_after_an_invalid_session_the_bot_gets_a_new_one(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.faults.invalidate_session()
    await bot.happens("ready")


async def test_a_bot_without_the_content_intent_reads_only_messages_that_concern_it(
    sandbox: Sandbox, login: Login
) -> None:
    ada = await sandbox.add_guest("Ada")
    async with login(Bot(sandbox, discord.Intents.default())) as bot:
        await ada.say(sandbox.text_channel, "not for you")
        await ada.say(sandbox.text_channel, f"<@{sandbox.bot_id}> for you")
        await ada.dm("between us")
        await bot.sees("message", lambda message: message.content == "between us")
        assert [message.content for message in bot.read] == ["", f"<@{sandbox.bot_id}> for you", "between us"]


async def test_an_intent_that_was_not_granted_ends_the_login(sandbox: Sandbox, login: Login) -> None:
    sandbox.faults.set_intents(sandbox.home.bot, ApplicationFlag.MEMBERS | ApplicationFlag.PRESENCES)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with login(Bot(sandbox)):
            pass


async def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    async with Bot(sandbox) as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.login("nonsense")


async def test_a_large_guild_is_sent_in_chunks(sandbox: Sandbox, bot: Bot) -> None:
    for number in range(1500):
        user = sandbox.world.directory.add_user(f"member {number}")
        sandbox.world.directory.add_member(sandbox.guild, user)
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    members = await guild.chunk(cache=False)
    assert len(members) == len(sandbox.guild.members)
    found = await guild.query_members("member 149", limit=5)
    assert {member.name for member in found} == {"member 149", *(f"member 149{digit}" for digit in range(4))}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", 4002),
        ("[]", 4002),
        ('{"op": "2", "d": {}}', 4002),
        ('{"op": 2, "d": []}', 4002),
        ('{"op": 4, "d": {}}', 4003),
        ('{"op": 2, "d": {"token": "wrong", "intents": 0}}', 4004),
        ('{"op": 2, "d": {"token": 7, "intents": 0}}', 4004),
        ('{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}', 4004),
    ],
)
async def test_a_client_that_breaks_the_protocol_is_disconnected(sandbox: Sandbox, sent: str, code: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(sandbox.gateway_url) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_str(sent)
        assert await _closed_with(socket) == code


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (99, None, 4001),
        (2, {}, 4005),
        (4, None, 4002),
        (4, {"guild_id": "x", "channel_id": "1"}, 4002),
        (8, {"guild_id": None}, 4002),
    ],
)
async def test_a_logged_in_client_that_breaks_the_protocol_is_disconnected(
    sandbox: Sandbox, op: int, data: Any, code: int
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(sandbox.gateway_url) as socket:
        await socket.send_json({"op": 2, "d": {"token": sandbox.bot_token, "intents": 1}})
        await _receive_event(socket, "READY")
        await socket.send_json({"op": op, "d": data})
        assert await _closed_with(socket) == code


async def test_a_resume_without_a_session_is_refused_but_the_client_may_log_in(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(sandbox.gateway_url) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 6, "d": {"token": sandbox.bot_token, "session_id": "old", "seq": 3}})
        assert await socket.receive_json() == {"op": 9, "d": False, "s": None, "t": None}
        await socket.send_json({"op": 2, "d": {"token": sandbox.bot_token, "intents": 1}})
        await _receive_event(socket, "GUILD_CREATE")


async def test_events_without_their_intent_never_come(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    async with aiohttp.ClientSession() as http, http.ws_connect(sandbox.gateway_url) as socket:
        await socket.send_json({"op": 2, "d": {"token": sandbox.bot_token, "intents": 1}})
        await _receive_event(socket, "GUILD_CREATE")
        await ada.say(sandbox.text_channel, "unheard")
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11


async def _receive_event(socket: aiohttp.ClientWebSocketResponse, name: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await socket.receive_str(timeout=LIMIT))
        if message["t"] == name:
            return message


async def _closed_with(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async for _ in socket:
        pass
    return socket.close_code
