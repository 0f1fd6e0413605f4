"""Routes of reactions to messages."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import caller, json_response, no_content, path_channel, path_id, world_of
from sandbox.rest.messages import path_message
from sandbox.world import payloads
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()
_REACTIONS = "/channels/{channel}/messages/{message}/reactions"


@ROUTES.put(_REACTIONS + "/{emoji}/@me")
async def add_reaction(request: web.Request) -> web.Response:
    """Add the bot's reaction."""
    world, message = world_of(request), path_message(request)
    needed = Permission.READ_MESSAGE_HISTORY
    if request.match_info["emoji"] not in message.reactions:
        needed |= Permission.ADD_REACTIONS
    world.directory.require(caller(request).id, path_channel(request), needed)
    world.messages.react(message, caller(request), request.match_info["emoji"])
    return no_content()


@ROUTES.delete(_REACTIONS + "/{emoji}/@me")
async def remove_own_reaction(request: web.Request) -> web.Response:
    """Remove the bot's reaction."""
    world_of(request).messages.unreact(path_message(request), caller(request), request.match_info["emoji"])
    return no_content()


@ROUTES.delete(_REACTIONS + "/{emoji}/{user}")
async def remove_reaction(request: web.Request) -> web.Response:
    """Remove a user's reaction."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.MANAGE_MESSAGES)
    user = world.directory.user(path_id(request, "user"))
    world.messages.unreact(message, user, request.match_info["emoji"])
    return no_content()


@ROUTES.get(_REACTIONS + "/{emoji}")
async def get_reactors(request: web.Request) -> web.Response:
    """List the users who reacted with an emoji."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.READ_MESSAGE_HISTORY)
    users = message.reactions.get(request.match_info["emoji"], [])
    return json_response([payloads.user(world.directory.user(each)) for each in users])


@ROUTES.delete(_REACTIONS)
async def clear_reactions(request: web.Request) -> web.Response:
    """Remove all reactions."""
    world, message = world_of(request), path_message(request)
    world.directory.require(caller(request).id, path_channel(request), Permission.MANAGE_MESSAGES)
    world.messages.clear_reactions(message)
    return no_content()
