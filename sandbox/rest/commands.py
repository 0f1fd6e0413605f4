"""Routes of slash commands: registration, globally and per guild."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import body_of, caller_app, json_of, json_response, no_content, path_id, world_of
from sandbox.world.entities import Application
from sandbox.world.errors import invalid_form, missing_access

ROUTES = web.RouteTableDef()
_GLOBAL = "/applications/{application}/commands"
_GUILD = "/applications/{application}/guilds/{guild}/commands"


@ROUTES.get(_GLOBAL)
@ROUTES.get(_GUILD)
async def get_commands(request: web.Request) -> web.Response:
    """List the registered commands."""
    app, guild_id = _place(request)
    return json_response(world_of(request).commands.registered(app, guild_id))


@ROUTES.put(_GLOBAL)
@ROUTES.put(_GUILD)
async def replace_commands(request: web.Request) -> web.Response:
    """Replace all registered commands."""
    app, guild_id = _place(request)
    body = await json_of(request)
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise invalid_form("_", "BASE_TYPE_LIST", "Must be a list of commands.")
    return json_response(world_of(request).commands.replace_all(app, guild_id, body))


@ROUTES.post(_GLOBAL)
@ROUTES.post(_GUILD)
async def create_command(request: web.Request) -> web.Response:
    """Register a command."""
    app, guild_id = _place(request)
    return json_response(world_of(request).commands.put(app, guild_id, await body_of(request)), 201)


@ROUTES.get(_GLOBAL + "/{command}")
@ROUTES.get(_GUILD + "/{command}")
async def get_command(request: web.Request) -> web.Response:
    """Get a command."""
    app, guild_id = _place(request)
    return json_response(world_of(request).commands.get(app, guild_id, path_id(request, "command")))


@ROUTES.patch(_GLOBAL + "/{command}")
@ROUTES.patch(_GUILD + "/{command}")
async def change_command(request: web.Request) -> web.Response:
    """Change a command."""
    app, guild_id = _place(request)
    commands = world_of(request).commands
    before = commands.get(app, guild_id, path_id(request, "command"))
    return json_response(commands.put(app, guild_id, before | await body_of(request)))


@ROUTES.delete(_GLOBAL + "/{command}")
@ROUTES.delete(_GUILD + "/{command}")
async def delete_command(request: web.Request) -> web.Response:
    """Delete a command."""
    app, guild_id = _place(request)
    world_of(request).commands.delete(app, guild_id, path_id(request, "command"))
    return no_content()


def _place(request: web.Request) -> tuple[Application, int | None]:
    app = caller_app(request)
    if path_id(request, "application") != app.id:
        raise missing_access()
    if "guild" not in request.match_info:
        return app, None
    guild_id = path_id(request, "guild")
    if world_of(request).directory.find_member(guild_id, app.bot.id) is None:
        raise missing_access()
    return app, guild_id
