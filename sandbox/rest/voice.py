"""Routes of voice states: get one, ask to speak on a stage, let somebody speak."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import body_of, caller, json_response, no_content, path_guild, path_id, world_of
from sandbox.world import payloads
from sandbox.world.entities import Json
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()


@ROUTES.get("/guilds/{guild}/voice-states/@me")
async def get_own_voice_state(request: web.Request) -> web.Response:
    """Get the bot's voice state."""
    return _voice_state(request, caller(request).id)


@ROUTES.get("/guilds/{guild}/voice-states/{user}")
async def get_voice_state(request: web.Request) -> web.Response:
    """Get a member's voice state."""
    return _voice_state(request, path_id(request, "user"))


@ROUTES.patch("/guilds/{guild}/voice-states/@me")
async def change_own_voice_state(request: web.Request) -> web.Response:
    """Move the bot to a stage's speakers (needs a moderator's permission) or to its audience, or ask to speak."""
    body = await body_of(request)
    user_id = caller(request).id
    _suppress(request, user_id, body, needed=Permission.MUTE_MEMBERS if body.get("suppress") is False else None)
    if "request_to_speak_timestamp" in body:
        world, guild = world_of(request), path_guild(request)
        channel = world.directory.channel(world.voice.get(guild.id, user_id).channel_id)
        world.directory.require(user_id, channel, Permission.REQUEST_TO_SPEAK)
        world.voice.raise_hand(guild.id, user_id, body["request_to_speak_timestamp"])
    return no_content()


@ROUTES.patch("/guilds/{guild}/voice-states/{user}")
async def change_voice_state(request: web.Request) -> web.Response:
    """Move a member of a stage to the speakers or to the audience."""
    _suppress(request, path_id(request, "user"), await body_of(request), needed=Permission.MUTE_MEMBERS)
    return no_content()


def _voice_state(request: web.Request, user_id: int) -> web.Response:
    state = world_of(request).voice.get(path_guild(request).id, user_id)
    return json_response(payloads.voice_state(state, channel_id=state.channel_id))


def _suppress(request: web.Request, user_id: int, body: Json, *, needed: Permission | None) -> None:
    if "suppress" not in body:
        return
    world, guild = world_of(request), path_guild(request)
    channel = world.directory.channel(world.voice.get(guild.id, user_id).channel_id)
    if needed is not None:
        world.directory.require(caller(request).id, channel, needed)
    world.voice.set_suppress(guild.id, user_id, bool(body["suppress"]))
