"""Routes of users: the bot itself, its application, guilds, direct messages and avatar, and the gateway's address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from aiohttp import web

from sandbox.rest.context import (
    body_of,
    caller,
    caller_app,
    field_id,
    json_response,
    path_id,
    world_of,
)
from sandbox.world import payloads
from sandbox.world.errors import RestError, invalid_form

ROUTES = web.RouteTableDef()
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=\s]+)")
MAX_AVATAR = 10 * 1024 * 1024


@ROUTES.get("/gateway")
async def get_gateway(request: web.Request) -> web.Response:
    """Get the gateway's address. Needs no token."""
    return json_response({"url": _gateway_url(request)})


@ROUTES.get("/gateway/bot")
async def get_bot_gateway(request: web.Request) -> web.Response:
    """Get the gateway's address and the limit of identifies."""
    caller(request)
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return json_response({"url": _gateway_url(request), "shards": 1, "session_start_limit": limit})


@ROUTES.get("/users/@me")
async def get_self(request: web.Request) -> web.Response:
    """Get the bot's user."""
    return json_response(payloads.own_user(caller(request)))


@ROUTES.patch("/users/@me")
async def change_self(request: web.Request) -> web.Response:
    """Change the bot's name or avatar."""
    user, body = caller(request), await body_of(request)
    if "username" in body:
        name = body["username"]
        if not isinstance(name, str) or not 2 <= len(name) <= 32:
            raise invalid_form("username", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 32 in length.")
        user.name = name
    if "avatar" in body:
        world_of(request).avatars.change(user, image_hash(body["avatar"], "avatar"))
    return json_response(payloads.own_user(user))


@ROUTES.get("/users/{user}")
async def get_user(request: web.Request) -> web.Response:
    """Get a user."""
    caller(request)
    return json_response(payloads.user(world_of(request).directory.user(path_id(request, "user"))))


@ROUTES.get("/users/@me/guilds")
async def get_own_guilds(request: web.Request) -> web.Response:
    """List the bot's guilds."""
    who = caller(request)
    guilds = [each for each in world_of(request).directory.guilds.values() if who.id in each.members]
    return json_response([payloads.guild(each) for each in guilds])


@ROUTES.post("/users/@me/channels")
async def open_direct_messages(request: web.Request) -> web.Response:
    """Open the direct messages with a user."""
    me, body = caller(request), await body_of(request)
    directory = world_of(request).directory
    other = directory.user(field_id(body.get("recipient_id"), "recipient_id"))
    if other.bot:
        raise RestError(400, 50007, "Cannot send messages to this user")
    return json_response(payloads.channel(directory.dm_between(other, me)) | {"recipients": [payloads.user(other)]})


@ROUTES.get("/oauth2/applications/@me")
@ROUTES.get("/applications/@me")
async def get_own_application(request: web.Request) -> web.Response:
    """Get the application to which the bot token belongs."""
    return json_response(payloads.application(caller_app(request)))


def _gateway_url(request: web.Request) -> str:
    # The gateway has the same host name as this API, unless a test has put something in front of the gateway.
    return f"ws://{world_of(request).gateway_endpoint or request.host}/gateway"


def image_hash(value: object, field: str) -> str | None:
    """The hash of an image that was sent as a data URI; ``None`` if no image was sent. Error 400 for anything else."""
    if value is None:
        return None
    found = _IMAGE.fullmatch(value) if isinstance(value, str) else None
    try:
        data = base64.b64decode(found[2]) if found else b""
    except binascii.Error:
        data = b""
    if not data or len(data) > MAX_AVATAR:
        raise invalid_form(field, "IMAGE_INVALID", "Invalid image data")
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
