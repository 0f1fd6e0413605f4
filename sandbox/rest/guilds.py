"""Routes of guilds and their roles."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import caller, json_response, no_content, path_guild, path_id, world_of
from sandbox.world import payloads
from sandbox.world.errors import unknown
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()


@ROUTES.get("/guilds/{guild}")
async def get_guild(request: web.Request) -> web.Response:
    """Get a guild."""
    guild = path_guild(request)
    return json_response(payloads.guild(guild) | {"approximate_member_count": len(guild.members)})


@ROUTES.get("/guilds/{guild}/roles")
async def get_roles(request: web.Request) -> web.Response:
    """List a guild's roles."""
    return json_response([payloads.role(each) for each in path_guild(request).roles.values()])


@ROUTES.get("/guilds/{guild}/threads/active")
async def active_threads(request: web.Request) -> web.Response:
    """List a guild's threads that are not archived."""
    threads = [each for each in path_guild(request).channels.values() if each.kind.is_thread and not each.archived]
    me = caller(request).id
    return json_response(
        {
            "threads": [payloads.channel(each) for each in threads],
            "members": [payloads.thread_member(each, me) for each in threads if me in each.members],
        }
    )


@ROUTES.delete("/users/@me/guilds/{guild}")
async def leave_guild(request: web.Request) -> web.Response:
    """Leave a guild."""
    world, guild = world_of(request), path_guild(request)
    world.remove_member(guild, caller(request).id)
    return no_content()


@ROUTES.get("/guilds/{guild}/webhooks")
async def guild_webhooks(request: web.Request) -> web.Response:
    """List a guild's webhooks."""
    world, guild = world_of(request), path_guild(request)
    world.directory.require_in_guild(caller(request).id, guild, Permission.MANAGE_WEBHOOKS)
    return json_response([payloads.webhook(each) for each in world.webhooks.of_guild(guild.id)])


@ROUTES.get("/guilds/{guild}/roles/{role}")
async def get_role(request: web.Request) -> web.Response:
    """Get a role."""
    role = path_guild(request).roles.get(path_id(request, "role"))
    if role is None:
        raise unknown("Role")
    return json_response(payloads.role(role))
