"""Reactions to messages."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import answer, caller, done, path_channel, path_id, world_of
from sandbox.rest.messages import path_message
from sandbox.world import payloads
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()
_REACTIONS = "/channels/{channel}/messages/{message}/reactions"


@ROUTES.put(_REACTIONS + "/{emoji}/@me")
async def add(request: web.Request) -> web.Response:
    """React."""
    world, message = world_of(request), path_message(request)
    needed = Permission.READ_MESSAGE_HISTORY
    if request.match_info["emoji"] not in message.reactions:
        needed |= Permission.ADD_REACTIONS
    world.directory.require(caller(request).id, path_channel(request), needed)
    world.messages.react(message, caller(request), request.match_info["emoji"])
    return done()


@ROUTES.delete(_REACTIONS + "/{emoji}/@me")
async def remove_own(request: web.Request) -> web.Response:
    """Take one's own reaction back."""
    world_of(request).messages.unreact(path_message(request), caller(request), request.match_info["emoji"])
    return done()


@ROUTES.delete(_REACTIONS + "/{emoji}/{user}")
async def remove(request: web.Request) -> web.Response:
    """Take somebody's reaction away."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.MANAGE_MESSAGES)
    user = world.directory.user(path_id(request, "user"))
    world.messages.unreact(message, user, request.match_info["emoji"])
    return done()


@ROUTES.get(_REACTIONS + "/{emoji}")
async def who(request: web.Request) -> web.Response:
    """Who reacted so."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.READ_MESSAGE_HISTORY)
    users = message.reactions.get(request.match_info["emoji"], [])
    return answer([payloads.user(world.directory.user(each)) for each in users])


@ROUTES.delete(_REACTIONS)
async def clear(request: web.Request) -> web.Response:
    """Take all reactions away."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.MANAGE_MESSAGES)
    world.messages.clear_reactions(message)
    return done()
