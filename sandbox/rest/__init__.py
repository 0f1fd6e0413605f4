"""The REST API, version 10: one module a resource, each a list of routes."""

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
from sandbox.rest.disturbance import Disturbance
from sandbox.world.world import World

PREFIX = "/api/v10"
LARGEST_REQUEST = 30 * 1024 * 1024


def rest_application(world: World, disturbance: Disturbance) -> web.Application:
    """The API below its version, to be mounted at :data:`PREFIX`."""
    app = web.Application(middlewares=[disturbance.middleware, answer_errors], client_max_size=LARGEST_REQUEST)
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
    """Attachments, as Discord's content network serves them."""
    app = web.Application(middlewares=[answer_errors])
    app[WORLD] = world
    app.add_routes(files.ROUTES)
    return app


def proxy_application(world: World) -> web.Application:
    """Pictures of links, as Discord's media proxy serves them."""
    app = web.Application(middlewares=[answer_errors])
    app[WORLD] = world
    app.add_routes(files.PROXY_ROUTES)
    return app
