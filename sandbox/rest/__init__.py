"""Discord's REST API, version 10. Each module has the routes of one resource."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest import (
    channels,
    commands,
    files,
    guilds,
    interactions,
    members,
    messages,
    reactions,
    users,
    voice,
    webhooks,
)
from sandbox.rest.context import WORLD, answer_errors
from sandbox.rest.faults import RestFaults
from sandbox.world.world import World

PREFIX = "/api/v10"
MAX_REQUEST = 30 * 1024 * 1024


def rest_application(world: World, faults: RestFaults) -> web.Application:
    """The REST API, to be mounted at :data:`PREFIX`."""
    app = web.Application(middlewares=[faults.middleware, answer_errors], client_max_size=MAX_REQUEST)
    app[WORLD] = world
    resources = (
        channels,
        commands,
        guilds,
        interactions,
        members,
        messages,
        reactions,
        users,
        voice,
        webhooks,
    )
    for resource in resources:
        app.add_routes(resource.ROUTES)
    return app


def files_application(world: World) -> web.Application:
    """The server of attachments, like Discord's CDN."""
    app = web.Application(middlewares=[answer_errors])
    app[WORLD] = world
    app.add_routes(files.ROUTES)
    return app


def proxy_application(world: World) -> web.Application:
    """The server of the pictures in link previews, like Discord's media proxy."""
    app = web.Application(middlewares=[answer_errors])
    app[WORLD] = world
    app.add_routes(files.PROXY_ROUTES)
    return app
