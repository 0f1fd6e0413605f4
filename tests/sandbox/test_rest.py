"""The sandbox's REST API: a bot reads and changes what it may, invalid requests are refused, and faults can be set."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from bot.owners import owners_of
from sandbox.server import Sandbox
from sandbox.world.entities import TeamMember
from sandbox.world.permissions import Permission
from tests.sandbox.conftest import Bot

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _may(sandbox: Sandbox, permissions: Permission) -> None:
    role_id = sandbox.guild.members[sandbox.bot_id].roles[0]
    sandbox.world.directory.set_role_permissions(sandbox.guild, role_id, permissions)


async def test_the_bot_reads_its_application_and_changes_its_picture(sandbox: Sandbox, bot: Bot) -> None:
    info = await bot.application_info()
    assert info.id == sandbox.bot_id
    assert info.flags.gateway_message_content_limited
    assert bot.user is not None
    assert (info.owner.id, info.team) == (sandbox.home.owner.id, None)
    changed = await bot.user.edit(avatar=PNG)
    assert changed.avatar is not None
    assert changed.avatar.key == sandbox.bot.avatar


async def test_a_team_owns_the_application(sandbox: Sandbox, bot: Bot) -> None:
    people = [sandbox.world.directory.add_user(name) for name in ("Ada", "Ben", "Cleo")]
    ada, ben, cleo = people
    members = [TeamMember(ada), TeamMember(ben, "read_only"), TeamMember(cleo, "developer", accepted=False)]
    team = sandbox.world.directory.give_to_team(sandbox.home.bot, "Three", members)
    info = await bot.application_info()
    assert info.team is not None
    assert (info.team.id, info.team.name, info.team.owner_id) == (team.id, "Three", ada.id)
    assert [(each.id, each.role.name) for each in info.team.members] == [
        (ada.id, "admin"),
        (ben.id, "read_only"),
        (cleo.id, "developer"),
    ]
    assert [each.membership_state.name for each in info.team.members] == ["accepted", "accepted", "invited"]
    assert info.owner.id == team.id, "Discord shows a user that stands for the team"
    assert owners_of(info) == {ada.id}


@pytest.mark.parametrize(
    "avatar", ["data:image/png;base64,", "data:text/plain;base64,aGk=", "data:image/png;base64,!", 7]
)
async def test_only_a_picture_is_accepted_as_avatar(http: aiohttp.ClientSession, avatar: object) -> None:
    async with http.patch("/api/v10/users/@me", json={"avatar": avatar}) as response:
        assert response.status == 400
        assert "avatar" in (await response.json())["errors"]


async def test_members_are_found_and_renamed(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    guild = await bot.fetch_guild(sandbox.guild.id)
    assert {member.name async for member in guild.fetch_members()} == {"Owner", "Bot", "Ada"}
    member = await guild.fetch_member(ada.id)
    with pytest.raises(discord.Forbidden):
        await member.edit(nick="Countess")
    _may(sandbox, Permission.MANAGE_NICKNAMES | Permission.MANAGE_ROLES)
    await member.edit(nick="Countess")
    assert sandbox.guild.members[ada.id].nick == "Countess"
    role = sandbox.world.directory.add_role(sandbox.guild, "Listeners", Permission.SPEAK)
    await member.add_roles(discord.Object(role.id))
    assert sandbox.guild.members[ada.id].roles == [role.id]
    await member.remove_roles(discord.Object(role.id))
    assert sandbox.guild.members[ada.id].roles == []
    with pytest.raises(discord.NotFound) as error:
        await guild.fetch_member(sandbox.guild.id)
    assert error.value.code == 10007


async def test_the_webhooks_of_a_guild_are_listed_only_with_the_permission(sandbox: Sandbox, bot: Bot) -> None:
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    assert await guild.webhooks() == []
    _may(sandbox, Permission.MANAGE_CHANNELS)
    with pytest.raises(discord.Forbidden):
        await guild.webhooks()


async def test_channels_are_made_changed_and_deleted(sandbox: Sandbox, bot: Bot) -> None:
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    with pytest.raises(discord.Forbidden):
        await guild.create_text_channel("new")
    _may(sandbox, Permission.MANAGE_CHANNELS | Permission.MANAGE_ROLES | Permission.SET_VOICE_CHANNEL_STATUS)
    text = await guild.create_text_channel("new")
    seen = bot.sees("guild_channel_update")
    await text.edit(name="newer", topic="news")
    await seen
    assert sandbox.world.directory.channel(text.id).topic == "news"
    await text.set_permissions(guild.default_role, send_messages=False)
    assert Permission.SEND_MESSAGES not in sandbox.world.directory.permissions(
        sandbox.bot_id, sandbox.guild.channels[text.id]
    )
    gone = bot.sees("guild_channel_delete")
    await text.delete()
    await gone
    voice = bot.get_channel(sandbox.voice_channel.id)
    assert isinstance(voice, discord.VoiceChannel)
    await voice.edit(status="rehearsing", user_limit=5)
    assert (sandbox.voice_channel.status, sandbox.voice_channel.user_limit) == ("rehearsing", 5)


async def test_a_bot_that_is_kicked_off_a_guild_is_notified(sandbox: Sandbox, bot: Bot) -> None:
    gone = bot.sees("guild_remove")
    await sandbox.faults.kick_from_guild(sandbox.bot, sandbox.guild)
    await gone
    assert len(bot.guilds) == 0


async def test_a_bot_that_is_invited_to_a_guild_is_notified(sandbox: Sandbox, bot: Bot) -> None:
    directory = sandbox.world.directory
    other = directory.add_guild("Elsewhere", sandbox.home.owner)
    directory.add_channel(other, "general")
    joined = bot.sees("guild_join")
    directory.add_member(other, sandbox.bot)
    guild = await joined
    assert isinstance(guild, discord.Guild)
    assert [channel.name for channel in guild.text_channels] == ["general"]


# Requests that no library would make.


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bot {sandbox.bot_token}"}
    async with aiohttp.ClientSession(sandbox.api_url.removesuffix("/api/v10"), headers=headers) as session:
        yield session


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/channels/1", 404, 10003),
        ("GET", "/channels/nonsense", 400, 50035),
        ("GET", "/guilds/1", 404, 10004),
        ("GET", "/users/1", 404, 10013),
        ("GET", "/no/such/route", 404, 0),
        ("POST", "/users/@me", 405, 0),
        ("GET", "/webhooks/1", 404, 10015),
        ("POST", "/webhooks/1/token", 404, 10015),
        ("POST", "/interactions/1/token/callback", 400, 50035),
        ("GET", "/applications/1/commands", 403, 50001),
        ("GET", "/channels/{text}/messages?limit=1000", 400, 50035),
        ("GET", "/channels/{text}/messages/1", 404, 10008),
        ("POST", "/channels/{text}/messages", 400, 50006),
        ("PUT", "/channels/{text}/voice-status", 400, 50024),
        ("POST", "/channels/{voice}/threads", 400, 50024),
        ("GET", "/guilds/{guild}/voice-states/@me", 404, 10065),
    ],
)
async def test_requests_for_missing_objects_are_refused(
    sandbox: Sandbox, http: aiohttp.ClientSession, method: str, path: str, status: int, code: int
) -> None:
    path = path.format(text=sandbox.text_channel.id, voice=sandbox.voice_channel.id, guild=sandbox.guild.id)
    async with http.request(method, f"/api/v10{path}") as response:
        assert response.status == status
        assert response.headers["Content-Type"] == "application/json"
        assert (await response.json())["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"7",
        b'{"content": 7}',
        b'{"content": "x", "embeds": "x"}',
        b'{"content": "x", "embeds": [7]}',
        b'{"content": "x", "flags": "x"}',
        b'{"content": "x", "message_reference": 7}',
        b'{"content": "x", "message_reference": {"message_id": "x"}}',
        b'{"content": "x", "allowed_mentions": {"parse": ["nobody"]}}',
        b'{"content": "x", "allowed_mentions": {"users": ["x"]}}',
        b'{"content": "x", "allowed_mentions": 7}',
    ],
)
async def test_a_malformed_message_is_refused(sandbox: Sandbox, http: aiohttp.ClientSession, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    path = f"/api/v10/channels/{sandbox.text_channel.id}/messages"
    async with http.post(path, data=body, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["code"] in (50035, 50109)
    assert sandbox.world.messages.history(sandbox.text_channel.id) == []


@pytest.mark.parametrize(
    "commands",
    [
        {},
        [7],
        [{"name": "Has Spaces", "description": "x"}],
        [{"name": "no-description"}],
        [{"name": "x", "description": "x" * 101}],
        [{"name": "x", "description": "x", "options": [{"name": "BAD", "description": "x", "type": 3}]}],
    ],
)
async def test_malformed_commands_are_not_registered(
    sandbox: Sandbox, http: aiohttp.ClientSession, commands: Any
) -> None:
    async with http.put(f"/api/v10/applications/{sandbox.bot_id}/commands", json=commands) as response:
        assert response.status == 400
        assert (await response.json())["code"] == 50035
    assert sandbox.world.commands.registered(sandbox.home.bot, None) == []


async def test_a_request_without_a_token_is_refused(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{sandbox.api_url}/users/@me") as response:
        assert response.status == 401


# An API in trouble.


async def test_the_bot_waits_for_a_rate_limit(sandbox: Sandbox, bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.faults.rest.rate_limit("POST /channels/*/messages", times=2, retry_after=0.05)
    began = time.monotonic()
    with caplog.at_level(logging.WARNING, "discord.http"):
        await bot.get_partial_messageable(sandbox.text_channel.id).send("patience")
    assert time.monotonic() - began >= 0.1
    assert len([record for record in caplog.records if "rate limited" in record.message]) == 2
    assert len(sandbox.world.messages.history(sandbox.text_channel.id)) == 1


async def test_the_bot_keeps_to_a_quota_that_it_is_told_of(sandbox: Sandbox, bot: Bot) -> None:
    channel = bot.get_partial_messageable(sandbox.text_channel.id)
    rest = sandbox.faults.rest
    rest.quota("POST /channels/*/messages", requests=2, seconds=0.3)
    began = time.monotonic()
    for number in range(7):
        await channel.send(str(number))
    assert time.monotonic() - began >= 0.8, "seven messages need four periods"
    assert rest.refused == 0
    rest.clear()
    rest.quota("POST /channels/*/messages", requests=1, seconds=0.3)
    await bot.get_partial_messageable(sandbox.text_channel.id).send("known")
    await asyncio.gather(*(channel.send("at once") for _ in range(3)))
    assert len(sandbox.world.messages.history(sandbox.text_channel.id)) == 11


async def test_a_request_with_a_server_error_is_repeated(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.faults.rest.fail("POST /channels/*/messages", times=1, status=502)
    await bot.get_partial_messageable(sandbox.text_channel.id).send("again")
    sandbox.faults.rest.fail("POST /channels/**", times=5, status=503)
    with pytest.raises(discord.DiscordServerError):
        await bot.get_partial_messageable(sandbox.text_channel.id).send("never")
    sandbox.faults.rest.clear()
    assert [each.content for each in sandbox.world.messages.history(sandbox.text_channel.id)] == ["again"]


async def test_a_slow_answer_comes_late(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.faults.rest.slow("GET /users/*", times=1, seconds=0.1)
    began = time.monotonic()
    await bot.fetch_user(sandbox.bot_id)
    assert time.monotonic() - began >= 0.1
