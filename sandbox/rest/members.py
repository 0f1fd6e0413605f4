"""Routes of guild members: get, rename, roles, mute, deafen, move, disconnect, kick."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import body_of, caller, field_id, json_response, no_content, path_guild, path_id, world_of
from sandbox.world import payloads
from sandbox.world.entities import Guild, Json
from sandbox.world.errors import RestError, invalid_form
from sandbox.world.permissions import Permission
from sandbox.world.world import World

ROUTES = web.RouteTableDef()


@ROUTES.get("/guilds/{guild}/members")
async def get_members(request: web.Request) -> web.Response:
    """List a guild's members in the order of their ids, at most ``limit``, with ids above ``after``."""
    limit, after = (
        field_id(request.query.get(name, default), name) for name, default in (("limit", "1"), ("after", "0"))
    )
    found = sorted(each.user.id for each in path_guild(request).members.values() if each.user.id > after)
    return json_response([payloads.member(path_guild(request).members[each]) for each in found[:limit]])


@ROUTES.get("/guilds/{guild}/members/{user}")
async def get_member(request: web.Request) -> web.Response:
    """Get a member."""
    return json_response(
        payloads.member(world_of(request).directory.member(path_guild(request).id, path_id(request, "user")))
    )


@ROUTES.patch("/guilds/{guild}/members/@me")
async def rename_self(request: web.Request) -> web.Response:
    """Change the bot's own nickname."""
    directory, guild, body = world_of(request).directory, path_guild(request), await body_of(request)
    directory.require_in_guild(caller(request).id, guild, Permission.CHANGE_NICKNAME)
    member = directory.rename_member(guild, caller(request).id, _nick(body))
    return json_response(payloads.member(member))


@ROUTES.patch("/guilds/{guild}/members/{user}")
async def change_member(request: web.Request) -> web.Response:
    """Change a member's nickname, server mute or deafness, or voice channel (``null`` disconnects them)."""
    world, guild, body = world_of(request), path_guild(request), await body_of(request)
    user_id = path_id(request, "user")
    member = world.directory.member(guild.id, user_id)
    if "nick" in body:
        world.directory.require_in_guild(caller(request).id, guild, Permission.MANAGE_NICKNAMES)
        world.directory.rename_member(guild, user_id, _nick(body))
    _change_voice(world, guild, caller(request).id, user_id, body)
    return json_response(payloads.member(member))


@ROUTES.put("/guilds/{guild}/members/{user}/roles/{role}")
async def give_role(request: web.Request) -> web.Response:
    """Give a member a role."""
    directory, guild = world_of(request).directory, path_guild(request)
    directory.require_in_guild(caller(request).id, guild, Permission.MANAGE_ROLES)
    directory.give_role(guild, path_id(request, "user"), path_id(request, "role"))
    return no_content()


@ROUTES.delete("/guilds/{guild}/members/{user}/roles/{role}")
async def take_role(request: web.Request) -> web.Response:
    """Take a role from a member."""
    directory, guild = world_of(request).directory, path_guild(request)
    directory.require_in_guild(caller(request).id, guild, Permission.MANAGE_ROLES)
    directory.take_role(guild, path_id(request, "user"), path_id(request, "role"))
    return no_content()


@ROUTES.delete("/guilds/{guild}/members/{user}")
async def kick_member(request: web.Request) -> web.Response:
    """Kick a member from the guild."""
    world, guild = world_of(request), path_guild(request)
    world.directory.require_in_guild(caller(request).id, guild, Permission.KICK_MEMBERS)
    world.remove_member(guild, path_id(request, "user"))
    return no_content()


def _change_voice(world: World, guild: Guild, caller_id: int, user_id: int, body: Json) -> None:
    for field, needed, apply in (
        ("mute", Permission.MUTE_MEMBERS, world.voice.set_mute),
        ("deaf", Permission.DEAFEN_MEMBERS, world.voice.set_deaf),
    ):
        if field in body:
            world.directory.require_in_guild(caller_id, guild, needed)
            _require_in_voice(world, guild, user_id)
            apply(guild.id, user_id, bool(body[field]))
    if "channel_id" not in body:
        return
    world.directory.require_in_guild(caller_id, guild, Permission.MOVE_MEMBERS)
    _require_in_voice(world, guild, user_id)
    if body["channel_id"] is None:
        world.voice.leave(guild.id, user_id)
    else:
        world.voice.move(guild.id, user_id, field_id(body["channel_id"], "channel_id"))


def _require_in_voice(world: World, guild: Guild, user_id: int) -> None:
    if world.voice.find(guild.id, user_id) is None:
        raise RestError(400, 40032, "Target user is not connected to voice.")


def _nick(body: Json) -> str | None:
    nick = body.get("nick")
    if nick is not None and not isinstance(nick, str):
        raise invalid_form("nick", "BASE_TYPE_STRING", "Must be string.")
    return nick
