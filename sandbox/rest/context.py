"""Helpers for the handlers of all routes: the caller, the request's body and ids, and responses in Discord's format."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.world.entities import Application, Channel, Guild, Json, User
from sandbox.world.errors import RestError, invalid_form
from sandbox.world.world import World

WORLD = web.AppKey("world", World)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def world_of(request: web.Request) -> World:
    """The state that this server serves."""
    return request.config_dict[WORLD]


def caller_app(request: web.Request) -> Application:
    """The application whose bot token came with the request. Error 401 without a valid token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    app = world_of(request).directory.application_of(token) if scheme == "Bot" else None
    if app is None:
        raise RestError(401, 0, "401: Unauthorized")
    return app


def caller(request: web.Request) -> User:
    """The bot user that calls. Error 401 without a valid token."""
    return caller_app(request).bot


def path_id(request: web.Request, name: str) -> int:
    """An id from the path. Error 400 if it is not a number."""
    return field_id(request.match_info[name], name)


def field_id(value: object, field: str) -> int:
    """The id in a field. It may be a number, or a text of digits. Error 400 for anything else."""
    try:
        return int(str(value))
    except ValueError:
        raise invalid_form(field, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.') from None


def path_channel(request: web.Request) -> Channel:
    """The channel in the path. Error 10003 if it does not exist."""
    return world_of(request).directory.channel(path_id(request, "channel"))


def path_guild(request: web.Request) -> Guild:
    """The guild in the path. Error 10004 if it does not exist or the caller is not a member."""
    guild = world_of(request).directory.guild(path_id(request, "guild"))
    if caller(request).id not in guild.members:
        raise RestError(404, 10004, "Unknown Guild")
    return guild


async def body_of(request: web.Request) -> Json:
    """The JSON object in the body. Error 400 if the body is not an object. An empty body is an empty object."""
    data = await json_of(request)
    if not isinstance(data, dict):
        raise invalid_form("_", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    return data


async def json_of(request: web.Request) -> Any:
    """The JSON value in the body, of any type. Error 400 if it is not JSON."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        raise RestError(400, 50109, "The request body contains invalid JSON.") from None


def json_response(payload: object, status: int = 200) -> web.Response:
    """A JSON response.

    The content type has no charset parameter, because discord.py parses JSON only if the content type is exactly
    ``application/json``.
    """
    return web.Response(body=json.dumps(payload).encode(), status=status, content_type="application/json")


def no_content() -> web.Response:
    """A response with status 204."""
    return web.Response(status=204)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into Discord's JSON, and add generous rate limit headers to every response."""
    try:
        response = await handler(request)
    except RestError as error:
        response = json_response(error.payload(), error.status)
    except web.HTTPRequestEntityTooLarge:
        response = json_response({"message": "Request entity too large", "code": 40005}, 413)
    except web.HTTPException as error:
        response = json_response({"message": f"{error.status}: {error.reason}", "code": 0}, error.status)
    if not response.prepared:
        response.headers.update(_rate_limit_headers(request))
    return response


def _rate_limit_headers(request: web.Request) -> dict[str, str]:
    resource = request.match_info.route.resource
    bucket = f"{request.method}{resource.canonical if resource else ''}"
    return {
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "49",
        "X-RateLimit-Reset-After": "1.000",
        "X-RateLimit-Bucket": format(abs(hash(bucket)), "x"),
    }
