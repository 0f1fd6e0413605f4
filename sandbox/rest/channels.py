"""Routes of channels and threads: get, create, change, delete, permissions, typing, a voice channel's status."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import (
    body_of,
    caller,
    field_id,
    json_response,
    no_content,
    path_channel,
    path_guild,
    path_id,
    world_of,
)
from sandbox.world import payloads
from sandbox.world.bus import Dispatch
from sandbox.world.entities import Channel, ChannelKind, Json, Overwrite
from sandbox.world.errors import invalid_form, too_long, wrong_channel_type
from sandbox.world.permissions import EVERYTHING, NOTHING, Permission

ROUTES = web.RouteTableDef()


@ROUTES.get("/channels/{channel}")
async def get_channel(request: web.Request) -> web.Response:
    """Get a channel."""
    channel = path_channel(request)
    world_of(request).directory.require(caller(request).id, channel, NOTHING)
    return json_response(payloads.channel(channel))


@ROUTES.get("/guilds/{guild}/channels")
async def guild_channels(request: web.Request) -> web.Response:
    """List a guild's channels, without threads."""
    channels = path_guild(request).channels.values()
    return json_response([payloads.channel(each) for each in channels if not each.kind.is_thread])


@ROUTES.post("/guilds/{guild}/channels")
async def create_channel(request: web.Request) -> web.Response:
    """Create a channel."""
    directory, guild, body = world_of(request).directory, path_guild(request), await body_of(request)
    directory.require_in_guild(caller(request).id, guild, Permission.MANAGE_CHANNELS)
    kind = body.get("type", 0)
    if kind not in (ChannelKind.TEXT, ChannelKind.VOICE, ChannelKind.CATEGORY, ChannelKind.STAGE):
        raise invalid_form("type", "BASE_TYPE_CHOICES", "Not a type of channel that can be made.")
    return json_response(payloads.channel(directory.add_channel(guild, _name(body), ChannelKind(kind))), 201)


@ROUTES.patch("/channels/{channel}")
async def change_channel(request: web.Request) -> web.Response:
    """Change a channel's name, topic, user limit or bit rate, or archive a thread."""
    directory, channel, body = world_of(request).directory, path_channel(request), await body_of(request)
    needed = Permission.MANAGE_THREADS if channel.kind.is_thread else Permission.MANAGE_CHANNELS
    if channel.owner_id != caller(request).id:
        directory.require(caller(request).id, channel, needed)
    _apply(channel, body)
    directory.announce_update(channel)
    return json_response(payloads.channel(channel))


@ROUTES.delete("/channels/{channel}")
async def delete_channel(request: web.Request) -> web.Response:
    """Delete a channel. Everybody in it is disconnected."""
    world, channel = world_of(request), path_channel(request)
    if channel.kind is ChannelKind.DM:
        return json_response(payloads.channel(channel))
    world.directory.require(caller(request).id, channel, Permission.MANAGE_CHANNELS)
    world.delete_channel(channel)
    return json_response(payloads.channel(channel))


@ROUTES.put("/channels/{channel}/permissions/{target}")
async def set_overwrite(request: web.Request) -> web.Response:
    """Set the permission overwrite of a role or member."""
    directory, channel, body = world_of(request).directory, path_channel(request), await body_of(request)
    directory.require(caller(request).id, channel, Permission.MANAGE_ROLES)
    allow, deny = (_bits(body, field) for field in ("allow", "deny"))
    directory.set_overwrite(channel, Overwrite(path_id(request, "target"), body.get("type") == 1, allow, deny))
    return no_content()


@ROUTES.delete("/channels/{channel}/permissions/{target}")
async def remove_overwrite(request: web.Request) -> web.Response:
    """Remove the permission overwrite of a role or member."""
    directory, channel = world_of(request).directory, path_channel(request)
    directory.require(caller(request).id, channel, Permission.MANAGE_ROLES)
    directory.remove_overwrite(channel, path_id(request, "target"))
    return no_content()


@ROUTES.post("/channels/{channel}/typing")
async def show_typing(request: web.Request) -> web.Response:
    """Show the bot as typing."""
    world, channel = world_of(request), path_channel(request)
    world.directory.require(caller(request).id, channel, Permission.SEND_MESSAGES)
    world.messages.show_typing(channel, caller(request))
    return no_content()


@ROUTES.put("/channels/{channel}/voice-status")
async def set_voice_status(request: web.Request) -> web.Response:
    """Set the status line of a voice channel."""
    directory, channel, body = world_of(request).directory, path_channel(request), await body_of(request)
    if channel.kind is not ChannelKind.VOICE:
        raise wrong_channel_type()
    directory.require(caller(request).id, channel, Permission.SET_VOICE_CHANNEL_STATUS)
    status = body.get("status")
    if status is not None and len(str(status)) > 500:
        raise too_long("status", 500)
    channel.status = str(status) if status else None
    data = {"id": str(channel.id), "guild_id": str(channel.guild_id), "status": channel.status}
    directory.bus.publish(Dispatch("VOICE_CHANNEL_STATUS_UPDATE", data, channel.guild_id))
    return no_content()


@ROUTES.post("/channels/{channel}/threads")
@ROUTES.post("/channels/{channel}/messages/{message}/threads")
async def create_thread(request: web.Request) -> web.Response:
    """Create a thread in a text channel, on its own or from an existing message."""
    world, channel, body = world_of(request), path_channel(request), await body_of(request)
    if channel.kind is not ChannelKind.TEXT:
        raise wrong_channel_type()
    private = body.get("type") == ChannelKind.PRIVATE_THREAD
    needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    world.directory.require(caller(request).id, channel, needed)
    start = None
    if "message" in request.match_info:
        start = world.messages.get(channel.id, path_id(request, "message")).id
    name = _name(body)
    thread = world.directory.add_thread(channel, name, caller(request).id, thread_id=start, private=private)
    return json_response(payloads.channel(thread), 201)


@ROUTES.put("/channels/{channel}/thread-members/@me")
async def join_thread(request: web.Request) -> web.Response:
    """Join a thread."""
    channel = path_channel(request)
    if not channel.kind.is_thread:
        raise wrong_channel_type()
    world_of(request).directory.require(caller(request).id, channel, NOTHING)
    channel.members.add(caller(request).id)
    return no_content()


def _name(body: Json) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise invalid_form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    return name


def _bits(body: Json, field: str) -> Permission:
    return Permission(field_id(body.get(field) or 0, field)) & EVERYTHING


def _apply(channel: Channel, body: Json) -> None:
    if "name" in body:
        channel.name = _name(body)
    if "topic" in body:
        channel.topic = str(body["topic"])[:1024] if body["topic"] else None
    if "archived" in body:
        channel.archived = bool(body["archived"])
    for field, low, high in (("user_limit", 0, 99), ("bitrate", 8000, 384_000)):
        if field in body:
            value = body[field]
            if not isinstance(value, int) or not low <= value <= high:
                raise invalid_form(field, "NUMBER_TYPE_RANGE", f"Must be between {low} and {high}.")
            setattr(channel, field, value)
